"""Service behind the overview: a few statements for all models together, whatever their number."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

from guard_core.alerting.policy import SEVERITIES
from guard_core.days import from_microseconds, now_us
from guard_core.units import DAY_US
from guard_store.alerts.store import AlertStore
from guard_store.day_state.store import DayStateStore, DayVolume
from guard_store.ingest.rejections import RejectionStore
from guard_store.ledger.store import LedgerStore
from guard_store.monitoring.drift_reports import DayVerdict, DriftReportStore
from guard_store.monitoring.performance import DayMetric, PerformanceStore
from guard_store.retraining.decisions import DecisionStore
from ml.retraining.promotion import PRIMARY
from serving.alerts.schemas import AlertView
from serving.overview.changes import ChangeService
from serving.overview.schemas import ChampionOverview, MetricOverview, ModelOverview, Overview
from serving.overview.spend import SpendService

_CHANGES = 8
_MAX_ALERTS = 1_000
_FINDING_DAYS = 30
_PRIMARY = {str(task): metric for task, metric in PRIMARY.items()}

Key = tuple[str, str]
DayT = TypeVar("DayT", DayVolume, DayVerdict, DayMetric)


class OverviewService:
    """Reads the overview."""

    def __init__(
        self,
        day_states: DayStateStore,
        drift_reports: DriftReportStore,
        performance: PerformanceStore,
        rejections: RejectionStore,
        alerts: AlertStore,
        decisions: DecisionStore,
        ledger: LedgerStore,
        *,
        spend: SpendService,
        changes: ChangeService,
    ) -> None:
        self._day_states = day_states
        self._drift_reports = drift_reports
        self._performance = performance
        self._rejections = rejections
        self._alerts = alerts
        self._decisions = decisions
        self._ledger = ledger
        self._spend = spend
        self._changes = changes

    def read(self, project_id: str | None, days: int) -> Overview:
        """Return the overview of a project, or of all, with the newest `days` of each model."""
        volumes = _by_model(self._day_states.newest_volumes(days, project_id))
        alerts = self._open_alerts(project_id)
        models = self._models(volumes, alerts, project_id, days)
        first_day = min((rows[0].day for rows in volumes.values()), default=None)
        return Overview(
            models=sorted(models, key=_urgency),
            other_alerts=[view for key, views in alerts.items() if key not in volumes for view in views],
            events=sum(row.events for rows in volumes.values() for row in rows),
            labels=sum(row.labels for rows in volumes.values() for row in rows),
            rejected=0 if first_day is None else self._rejections.total(first_day, project_id),
            spend=self._spend.read(project_id),
            findings=self._ledger.count_flags(now_us() - _FINDING_DAYS * DAY_US, project_id),
            changes=self._changes.newest(_CHANGES, project_id),
        )

    def _open_alerts(self, project_id: str | None) -> dict[Key, list[AlertView]]:
        alerts = self._alerts.page({"state": "open", "project_id": project_id}, limit=_MAX_ALERTS)
        by_model: dict[Key, list[AlertView]] = defaultdict(list)
        for alert in sorted(alerts, key=lambda alert: -SEVERITIES.index(alert.severity)):
            by_model[alert.project_id, alert.model_id].append(AlertView.of(alert))
        return by_model

    def _models(
        self,
        volumes: dict[Key, list[DayVolume]],
        alerts: dict[Key, list[AlertView]],
        project_id: str | None,
        days: int,
    ) -> list[ModelOverview]:
        verdicts = _by_model(self._drift_reports.newest_verdicts(days, project_id))
        metrics = _by_model(self._performance.newest_realised(days, _PRIMARY, project_id))
        baselines = {row.baseline_id for rows in metrics.values() for row in rows[-1:] if row.baseline_id is not None}
        references = self._performance.reference_values(baselines, _PRIMARY)
        champions = self._decisions.champions(project_id)
        models = []
        for key, rows in volumes.items():
            model_days = [row.day for row in rows]
            state_by_day = {row.day: row.state for row in verdicts.get(key, ())}
            champion = champions.get(key)
            models.append(
                ModelOverview(
                    project_id=key[0],
                    model_id=key[1],
                    days=model_days,
                    events=[row.events for row in rows],
                    labels=[row.labels for row in rows],
                    verdicts=[state_by_day.get(day) for day in model_days],
                    metric=_metric(metrics.get(key, []), model_days, references),
                    champion=None
                    if champion is None or champion.version is None
                    else ChampionOverview(version=champion.version, since=from_microseconds(champion.decided_us)),
                    alerts=alerts.get(key, []),
                )
            )
        return models


def _by_model(rows: Iterable[DayT]) -> dict[Key, list[DayT]]:
    by_model: dict[Key, list[DayT]] = defaultdict(list)
    for row in rows:
        by_model[row.project_id, row.model_id].append(row)
    return by_model


def _metric(rows: list[DayMetric], days: list[str], references: dict[str, float]) -> MetricOverview | None:
    measured = {row.day: row for row in rows if row.value is not None}
    if not measured:
        return None
    newest = measured[max(measured)]
    baseline_id = rows[-1].baseline_id
    return MetricOverview(
        name=_PRIMARY[rows[-1].task],
        values=[measured[day].value if day in measured else None for day in days],
        day=newest.day,
        value=newest.value,
        low=newest.low,
        high=newest.high,
        baseline=None if baseline_id is None else references.get(baseline_id),
    )


def _urgency(model: ModelOverview) -> tuple[bool, int, str, str]:
    worst = max((SEVERITIES.index(alert.severity) for alert in model.alerts), default=-1)
    return not model.needs_attention, -worst, model.project_id, model.model_id
