"""Service behind the preview of a drift threshold."""

from collections import Counter

from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.drift_methods import Method
from guard_core.project_settings.project import settings_of_model
from guard_store.alerts.policies import PolicyStore
from guard_store.monitoring.drift_reports import DriftReportStore, StoredReport
from guard_store.projects.store import Project
from ml.alerting.conditions import UNJUDGED_STATES
from ml.monitoring.verdicts.other_threshold import is_drift_at
from serving.monitoring.preview.alerts import count_drift_alerts
from serving.monitoring.preview.schemas import IGNORED, ThresholdPreview


class PreviewService:
    """Applies another threshold to stored reports."""

    def __init__(self, drift_reports: DriftReportStore, policies: PolicyStore) -> None:
        self._drift_reports = drift_reports
        self._policies = policies

    def preview(
        self, project: Project, model_id: str, threshold: float, method: Method | None, days: int
    ) -> ThresholdPreview:
        """Return which of a model's newest days would have drifted with a threshold of a method, by default the numeric one."""
        settings = settings_of_model(project.settings, model_id, DriftSettings)
        method = method or settings.numeric_method
        reports = self._drift_reports.newest(project.id, model_id, days)
        added, removed = Counter[str](), Counter[str]()
        shares: list[float] = []
        shares_with_threshold: list[float] = []
        for stored in reports:
            drifted = _drifted_columns(stored, settings, method, threshold)
            reported = {verdict["column"] for verdict in stored.report["columns"] if verdict["state"] == "drift"}
            added.update(drifted - reported)
            removed.update(reported - drifted)
            judged = sum(verdict["state"] not in UNJUDGED_STATES for verdict in stored.report["columns"]) or 1
            shares.append(len(reported) / judged)
            shares_with_threshold.append(len(drifted) / judged)
        listed, policies = [stored.day for stored in reports], self._policies.in_force(project.id)
        return ThresholdPreview(
            method=method,
            threshold=threshold,
            current_threshold=settings.thresholds_of(method).drift,
            days=listed,
            drift=[stored.state == "drift" for stored in reports],
            drift_with_threshold=[share > 0 for share in shares_with_threshold],
            alerts=count_drift_alerts(model_id, listed, shares, policies),
            alerts_with_threshold=count_drift_alerts(model_id, listed, shares_with_threshold, policies),
            added_columns=dict(added.most_common()),
            removed_columns=dict(removed.most_common()),
            ignored=list(IGNORED),
        )


def _drifted_columns(stored: StoredReport, settings: DriftSettings, method: Method, threshold: float) -> set[str]:
    """Return the columns of a report that would be drift with another threshold."""
    return {
        verdict["column"]
        for verdict in stored.report["columns"]
        if (
            verdict["state"] == "drift"
            if settings.override(verdict["column"]).drift is not None
            else is_drift_at(verdict, method, threshold, settings.alpha)
        )
    }
