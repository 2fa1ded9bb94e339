"""Service behind the preview of a drift threshold."""

from collections import Counter

from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.drift_methods import Method
from guard_core.project_settings.project import settings_of_model
from guard_store.monitoring.drift_reports import DriftReportStore, StoredReport
from guard_store.projects.store import Project
from ml.monitoring.verdicts.other_threshold import is_drift_at
from serving.monitoring.preview.schemas import IGNORED, ThresholdPreview


class PreviewService:
    """Applies another threshold to stored reports."""

    def __init__(self, drift_reports: DriftReportStore) -> None:
        self._drift_reports = drift_reports

    def preview(
        self, project: Project, model_id: str, threshold: float, method: Method | None, days: int
    ) -> ThresholdPreview:
        """Return which of a model's newest days would have drifted with a threshold of a method, by default the numeric one."""
        settings = settings_of_model(project.settings, model_id, DriftSettings)
        method = method or settings.numeric_method
        reports = self._drift_reports.newest(project.id, model_id, days)
        added, removed = Counter[str](), Counter[str]()
        drift_with_threshold = []
        for stored in reports:
            drifted = _drifted_columns(stored, settings, method, threshold)
            reported = {verdict["column"] for verdict in stored.report["columns"] if verdict["state"] == "drift"}
            added.update(drifted - reported)
            removed.update(reported - drifted)
            drift_with_threshold.append(bool(drifted))
        return ThresholdPreview(
            method=method,
            threshold=threshold,
            current_threshold=settings.thresholds_of(method).drift,
            days=[stored.day for stored in reports],
            drift=[stored.state == "drift" for stored in reports],
            drift_with_threshold=drift_with_threshold,
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
