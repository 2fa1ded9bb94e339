"""Service behind monthly reports: a few statements for a whole month, from the stores of the other domains."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from guard_core.alerting.alert_state import Alert
from guard_core.alerting.policy import worst
from guard_core.days import LocalDays, from_microseconds, local_days, now_us
from guard_core.units import NANO
from guard_store.alerts.incidents import Incident, IncidentStore
from guard_store.costs.store import CostStore
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.monitoring.performance import PerformanceStore, SliceMetric
from guard_store.projects.store import Project
from guard_store.spending.usage import UsageStore
from ml.monitoring.performance.pooled import pooled
from ml.retraining.rule import LESS_IS_BETTER
from serving.http.problems import NotFound
from serving.monitoring.results.days import FIRST_DAY, LAST_DAY, Days
from serving.monitoring.series.model_service import ModelService
from serving.monitoring.series.schemas import Mark, Series
from serving.monitoring.series.service import PRIMARY_BY_TASK, SeriesService, estimate_of
from serving.reports.columns import summarise_drift, summarise_missing
from serving.reports.months import days_of, month_of
from serving.reports.schemas import (
    AmountReport,
    CostReport,
    EstimateReport,
    IncidentReport,
    MissingLabels,
    ModelReport,
    PerformanceReport,
    UndoneReport,
    UnfinishedDay,
    VolumeReport,
)
from serving.reports.sentences import report_sentence

_MOST_INCIDENTS = 1_000
_NEWEST = (2**62, "")
_NO_LABELS = "no label has arrived"


class ReportService:
    """Reads monthly reports."""

    def __init__(
        self,
        day_states: DayStateStore,
        drift_reports: DriftReportStore,
        performance: PerformanceStore,
        incidents: IncidentStore,
        costs: CostStore,
        usage: UsageStore,
        *,
        models: ModelService,
        series: SeriesService,
    ) -> None:
        self._day_states = day_states
        self._drift_reports = drift_reports
        self._performance = performance
        self._incidents = incidents
        self._costs = costs
        self._usage = usage
        self._models = models
        self._series = series

    def read(self, project: Project, model_id: str, month: str | None) -> ModelReport:
        """Return the report of a month; without one, of the newest month with events that is over.

        Raises
        ------
        NotFound
            If the model has no events at all.
        """
        volumes = self._day_states.volumes(project.id, model_id, FIRST_DAY, LAST_DAY)
        if not volumes:
            raise NotFound(f"Model {model_id!r} of project {project.id!r} has no events.")
        months = sorted({month_of(volume.day) for volume in volumes})
        today = local_days(project.timezone).of(now_us()).isoformat()
        month = month or _newest_over(months, today)
        days = days_of(month)
        series = self._series.series(project.id, model_id, days)
        reports = self._drift_reports.columns(project.id, model_id, days.start, days.end)
        metrics = self._metrics(project.id, model_id, series.metric, days)
        volume = _volume(series, _calendar(max(days.start, volumes[0].day), min(days.end, volumes[-1].day)))
        performance, drift = self._performance_of(series, metrics), summarise_drift(reports)
        states = self._day_states.list(project.id, model_id, days.start, days.end)
        versions = self._versions(project, model_id, days)
        undone = _undone(states, volume, metrics)
        return ModelReport(
            project_id=project.id,
            model_id=model_id,
            month=month,
            start=days.start,
            end=days.end,
            timezone=project.timezone,
            is_over=days.end < today,
            has_events=volume.events > 0,
            sentence=report_sentence(model_id, month, volume, performance, drift, versions, undone),
            previous_month=max((other for other in months if other < month), default=None),
            next_month=min((other for other in months if other > month), default=None),
            volume=volume,
            performance=performance,
            drift=drift,
            missing=summarise_missing(reports),
            incidents=self._incidents_of(project, model_id, days),
            versions=versions,
            costs=self._costs_of(project.id, days),
            undone=undone,
        )

    def _metrics(self, project_id: str, model_id: str, metric: str | None, days: Days) -> list[SliceMetric]:
        if metric is None:
            return []
        return self._performance.metric_days(project_id, model_id, days.start, days.end, metric)

    def _performance_of(self, series: Series, metrics: Sequence[SliceMetric]) -> PerformanceReport | None:
        realised, estimated = (_pooled(getattr(row, part) for row in metrics) for part in ("realised", "estimated"))
        if series.metric is None or (realised is None and estimated is None):
            return None
        return PerformanceReport(
            metric=series.metric,
            less_is_better=series.metric in LESS_IS_BETTER,
            realised=realised,
            estimated=estimated,
            baseline=self._baseline(metrics),
            days=series.days,
            daily_realised=series.realised,
            daily_estimated=series.estimated,
            daily_baseline=series.baseline,
        )

    def _baseline(self, metrics: Sequence[SliceMetric]) -> float | None:
        """Return the mean of the baselines of the measured days, weighted as the metric itself: a month can have several."""
        ids = {row.baseline_id for row in metrics if row.baseline_id is not None}
        references = self._performance.reference_values(ids, PRIMARY_BY_TASK)
        part = "realised" if any(estimate_of(row.realised) for row in metrics) else "estimated"
        weights: Counter[str] = Counter()
        for row in metrics:
            estimate = estimate_of(getattr(row, part))
            if estimate is not None and row.baseline_id in references:
                weights[row.baseline_id] += estimate.n
        total = weights.total()
        return sum(references[key] * n for key, n in weights.items()) / total if total else None

    def _incidents_of(self, project: Project, model_id: str, days: Days) -> list[IncidentReport]:
        filters = {"project_id": project.id, "model_id": model_id}
        incidents = self._incidents.page(filters, before=_NEWEST, limit=_MOST_INCIDENTS)
        alerts = self._incidents.alerts([incident.id for incident in incidents])
        zone = local_days(project.timezone)
        reports = [_incident(incident, alerts[incident.id], zone, days) for incident in incidents]
        return sorted(filter(None, reports), key=lambda report: (report.start, report.id))

    def _versions(self, project: Project, model_id: str, days: Days) -> list[Mark]:
        return [mark for mark in self._models.timeline(project, model_id, days).marks if mark.kind != "alert"]

    def _costs_of(self, project_id: str, days: Days) -> CostReport:
        amounts: dict[str, Decimal] = defaultdict(Decimal)
        totals = self._costs.service_totals(days.start, days.end, "aws", project_id)
        for (_, _, currency), (unblended, _) in totals.items():
            amounts[currency] += unblended
        first, last = date.fromisoformat(days.start), date.fromisoformat(days.end)
        rows = self._usage.read([], first=first, last=last, project_id=project_id, limit=1)
        return CostReport(
            aws=[AmountReport(currency=currency, amount=amount) for currency, amount in sorted(amounts.items())],
            llm_requests=sum(row.requests for row in rows),
            llm_tokens=sum(row.tokens_in + row.tokens_out for row in rows),
            llm_usd=sum((Decimal(row.cost_nano_usd) for row in rows), Decimal(0)) / NANO,
            llm_unpriced=sum(row.unpriced for row in rows),
        )


def _newest_over(months: Sequence[str], today: str) -> str:
    over = [month for month in months if days_of(month).end < today]
    return over[-1] if over else months[-1]


def _volume(series: Series, calendar: Sequence[str]) -> VolumeReport:
    with_events = set(series.days)
    return VolumeReport(
        events=sum(series.events),
        labels=sum(series.labels),
        rejected=sum(series.rejected),
        days=series.days,
        daily_events=series.events,
        daily_rejected=series.rejected,
        days_without_events=[day for day in calendar if day not in with_events],
    )


def _calendar(first: str, last: str) -> list[str]:
    begin, end = date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal()
    return [date.fromordinal(number).isoformat() for number in range(begin, end + 1)]


def _undone(states: Sequence[DayState], volume: VolumeReport, metrics: Sequence[SliceMetric]) -> UndoneReport:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for row in metrics:
        if row.realised is None or row.realised["value"] is None:
            reason = None if row.realised is None else row.realised["reason"]
            by_reason[reason or _NO_LABELS].append(row.day)
    return UndoneReport(
        days=[
            UnfinishedDay(day=state.day, stage=state.next_stage or "", error=state.error if state.failed else None)
            for state in states
            if not state.done
        ],
        unlabelled_events=max(0, volume.events - volume.labels),
        missing_labels=[MissingLabels(reason=reason, days=days) for reason, days in by_reason.items()],
    )


def _incident(incident: Incident, alerts: Sequence[Alert], zone: LocalDays, days: Days) -> IncidentReport | None:
    """Return an incident if one of its alerts reaches into these days."""
    spans = {alert.id: _span(alert, zone) for alert in alerts}
    within = [alert for alert in alerts if _overlaps(spans[alert.id], days)]
    if not within:
        return None
    ends = [spans[alert.id][1] for alert in within]
    return IncidentReport(
        id=incident.id,
        state=incident.state,
        severity=worst([alert.severity for alert in within]),
        title=incident.thread,
        summaries=[alert.summary for alert in within],
        start=min(spans[alert.id][0] for alert in within),
        end=None if None in ends else max(end for end in ends if end is not None),
        message_count=incident.messages,
        opened_at=from_microseconds(incident.opened_us),
        resolved_at=None if incident.resolved_us is None else from_microseconds(incident.resolved_us),
    )


def _span(alert: Alert, zone: LocalDays) -> tuple[str, str | None]:
    """Return the days on which the condition of an alert held; of one that is about no day, when it was open."""
    start = alert.since_day or alert.day or zone.of(alert.opened_us).isoformat()
    if alert.day is not None:
        return start, alert.day
    return start, None if alert.resolved_us is None else zone.of(alert.resolved_us).isoformat()


def _overlaps(span: tuple[str, str | None], days: Days) -> bool:
    return span[0] <= days.end and (span[1] is None or span[1] >= days.start)


def _pooled(metrics: Iterable[Mapping[str, Any] | None]) -> EstimateReport | None:
    mean = pooled(filter(None, map(estimate_of, metrics)))
    return None if mean is None else EstimateReport(value=mean.value, low=mean.low, high=mean.high, n=mean.n)
