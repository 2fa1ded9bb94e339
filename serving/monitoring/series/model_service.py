"""Service behind a model as it is now, and what happened to it."""

from collections.abc import Sequence

from guard_core.alerting.policy import SEVERITIES
from guard_core.columns import feature_name
from guard_core.days import local_days
from guard_store.alerts.store import AlertStore
from guard_store.day_state.store import DayStateStore
from guard_store.monitoring.baselines import BaselineStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.monitoring.performance import PerformanceStore
from guard_store.projects.store import Project
from guard_store.retraining.decisions import CHAMPION_ACTIONS, Decision, DecisionStore
from guard_store.retraining.flags import FlagStore
from serving.http.problems import NotFound
from serving.monitoring.results.days import FIRST_DAY, LAST_DAY, Days
from serving.monitoring.series.schemas import (
    BaselineSummary,
    ChallengerSummary,
    ChampionSummary,
    MetricSummary,
    ModelSummary,
    OpenAlert,
    Timeline,
)
from serving.monitoring.series.service import PRIMARY_BY_TASK
from serving.monitoring.series.timeline import (
    alert_marks,
    baseline_marks,
    decision_day,
    decision_marks,
    flag_marks,
)

_MOST = 1_000


class ModelService:
    """Reads what a model is now, and what happened to it."""

    def __init__(
        self,
        day_states: DayStateStore,
        drift_reports: DriftReportStore,
        performance: PerformanceStore,
        baselines: BaselineStore,
        decisions: DecisionStore,
        flags: FlagStore,
        alerts: AlertStore,
    ) -> None:
        self._day_states = day_states
        self._drift_reports = drift_reports
        self._performance = performance
        self._baselines = baselines
        self._decisions = decisions
        self._flags = flags
        self._alerts = alerts

    def summary(self, project: Project, model_id: str) -> ModelSummary:
        """Return a model as it is now.

        Raises
        ------
        NotFound
            If the model has no events.
        """
        volumes = self._day_states.volumes(project.id, model_id, FIRST_DAY, LAST_DAY)
        if not volumes:
            raise NotFound(f"Model {model_id!r} of project {project.id!r} has no events.")
        active = self._baselines.active(project.id, model_id)
        newest = self._drift_reports.newest_columns(project.id, model_id)
        champion, challenger = self._versions(project, model_id)
        task = self._performance.newest_task(project.id, model_id)
        return ModelSummary(
            project_id=project.id,
            model_id=model_id,
            task=task,
            first_day=volumes[0].day,
            last_day=volumes[-1].day,
            events=sum(volume.events for volume in volumes),
            champion=champion,
            challenger=challenger,
            baseline=None
            if active is None
            else BaselineSummary(
                version=active.version, start=active.start_day, end=active.end_day, from_day=active.from_day
            ),
            metric=self._newest_metric(project.id, model_id, task),
            verdict_day=None if newest is None else newest.day,
            verdict=None if newest is None else newest.state,
            drifted=[]
            if newest is None
            else [feature_name(verdict.column) for verdict in newest.columns if verdict.state == "drift"],
            alerts=self._open_alerts(project.id, model_id),
        )

    def timeline(self, project: Project, model_id: str, days: Days) -> Timeline:
        """Return what happened to a model on days of a range."""
        zone = local_days(project.timezone)
        flags = self._flags.newest(project.id, model_id, _MOST)
        alerts = self._alerts.page({"project_id": project.id, "model_id": model_id}, limit=_MOST)
        marks = [
            *baseline_marks(self._baselines.versions(project.id, model_id)),
            *decision_marks(self._decisions.newest(project.id, model_id, _MOST), flags, zone),
            *flag_marks(flags),
            *alert_marks(alerts, zone),
        ]
        within = [mark for mark in marks if days.start <= mark.day <= days.end]
        return Timeline(marks=sorted(within, key=lambda mark: (mark.day, mark.kind, mark.name)))

    def _newest_metric(self, project_id: str, model_id: str, task: str | None) -> MetricSummary | None:
        name = PRIMARY_BY_TASK.get(task or "")
        newest = None if name is None else self._performance.newest_metric(project_id, model_id, name)
        if name is None or newest is None or newest.realised is None:
            return None
        ids = set() if newest.baseline_id is None else {newest.baseline_id}
        return MetricSummary(
            name=name,
            day=newest.day,
            value=newest.realised["value"],
            low=newest.realised["low"],
            high=newest.realised["high"],
            baseline=self._performance.reference_values(ids, PRIMARY_BY_TASK).get(newest.baseline_id or ""),
        )

    def _versions(self, project: Project, model_id: str) -> tuple[ChampionSummary | None, ChallengerSummary | None]:
        decisions = self._decisions.newest(project.id, model_id, _MOST)
        flags = self._flags.newest(project.id, model_id, _MOST)
        chosen = next((item for item in decisions if item.action in CHAMPION_ACTIONS and item.version), None)
        champion = None
        if chosen is not None and chosen.version is not None:
            since = decision_day(chosen, flags, local_days(project.timezone))
            champion = ChampionSummary(version=chosen.version, since_day=since)
        return champion, _challenger(decisions, None if champion is None else champion.version)

    def _open_alerts(self, project_id: str, model_id: str) -> list[OpenAlert]:
        alerts = sorted(
            self._alerts.open_of(project_id, model_id),
            key=lambda alert: (-SEVERITIES.index(alert.severity), alert.opened_us),
        )
        return [
            OpenAlert(
                id=alert.id,
                incident_id=alert.incident_id,
                kind=alert.kind,
                severity=alert.severity,
                summary=alert.summary,
                since_day=alert.since_day,
            )
            for alert in alerts
        ]


def _challenger(decisions: Sequence[Decision], champion: str | None) -> ChallengerSummary | None:
    of_versions = [item for item in decisions if item.version is not None]
    newest = max(of_versions, key=lambda item: int(item.version or 0), default=None)
    if newest is None or newest.version is None or newest.version == champion:
        return None
    last = next(item for item in of_versions if item.version == newest.version)
    return ChallengerSummary(version=newest.version, decision=last.action, reason=last.reason)
