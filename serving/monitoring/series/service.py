"""Service behind the series of a model: a few statements for all days, whatever the range."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from guard_store.day_state.store import DayStateStore
from guard_store.ingest.rejections import RejectionStore
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.monitoring.performance import PerformanceStore, SliceMetric
from guard_store.retraining.decisions import CHAMPION_ACTIONS, DecisionStore
from guard_store.retraining.training_runs import TrainingRunStore
from ml.monitoring.performance.pooled import Estimate, pooled
from ml.retraining.promotion import PRIMARY
from ml.retraining.rule import LESS_IS_BETTER
from serving.monitoring.results.days import Days
from serving.monitoring.series.matrix import build_matrix
from serving.monitoring.series.schemas import Band, DriftMatrix, Series, SliceSeries, SlicesSeries

PRIMARY_BY_TASK: Mapping[str, str] = {str(task): metric for task, metric in PRIMARY.items()}
SliceKey = tuple[str, str]


class SeriesService:
    """Reads the history of a model, one value a day."""

    def __init__(
        self,
        day_states: DayStateStore,
        rejections: RejectionStore,
        aggregates: AggregateStore,
        drift_reports: DriftReportStore,
        performance: PerformanceStore,
        decisions: DecisionStore,
        trainings: TrainingRunStore,
    ) -> None:
        self._day_states = day_states
        self._rejections = rejections
        self._aggregates = aggregates
        self._drift_reports = drift_reports
        self._performance = performance
        self._decisions = decisions
        self._trainings = trainings

    def matrix(self, project_id: str, model_id: str, days: Days) -> DriftMatrix:
        """Return the verdicts by column and day."""
        volumes = self._day_states.volumes(project_id, model_id, days.start, days.end)
        reports = self._drift_reports.columns(project_id, model_id, days.start, days.end)
        return build_matrix([volume.day for volume in volumes], reports, self.importance(project_id, model_id))

    def series(self, project_id: str, model_id: str, days: Days, window: int = 1) -> Series:
        """Return volume, latency, rates and the primary metric by day, the metric averaged over a trailing window of days."""
        volumes = self._day_states.volumes(project_id, model_id, days.start, days.end)
        rejected = Counter[str]()
        for row in self._rejections.days(project_id, days.start, days.end, model_id=model_id):
            rejected[row.day] += row.count
        listed = [volume.day for volume in volumes]
        figures = {row.day: row for row in self._aggregates.figures(project_id, model_id, days.start, days.end)}
        metric, measured = self._metric_days(project_id, model_id, days)
        by_day = {row.day: row for row in measured}
        ids = {row.baseline_id for row in measured if row.baseline_id is not None}
        references = self._performance.reference_values(ids, PRIMARY_BY_TASK)
        aligned = [figures.get(day) for day in listed]
        rows = [by_day.get(day) for day in listed]
        return Series(
            days=listed,
            events=[volume.events for volume in volumes],
            labels=[volume.labels for volume in volumes],
            rejected=[rejected[day] for day in listed],
            latency_p50=[None if row is None else row.latency_p50 for row in aligned],
            latency_p95=[None if row is None else row.latency_p95 for row in aligned],
            predicted_rate=[None if row is None else row.predicted_rate for row in aligned],
            label_rate=[None if row is None else row.label_rate for row in aligned],
            metric=metric,
            realised=_band([None if row is None else row.realised for row in rows], window),
            estimated=_band([None if row is None else row.estimated for row in rows], window),
            baseline=[None if row is None else references.get(row.baseline_id or "") for row in rows],
        )

    def slices(self, project_id: str, model_id: str, days: Days) -> SlicesSeries:
        """Return the primary metric of each slice over the labelled days, the worst first."""
        metric, whole = self._metric_days(project_id, model_id, days)
        labelled = [row for row in whole if _value(row.realised) is not None]
        if metric is None or not labelled:
            return SlicesSeries(days=[], metric=metric, whole=None, slices=[])
        listed = [row.day for row in labelled]
        by_slice: dict[SliceKey, dict[str, SliceMetric]] = defaultdict(dict)
        for row in self._performance.metric_days(project_id, model_id, days.start, days.end, metric, slices=True):
            by_slice[row.dimension, row.value][row.day] = row
        slices = [_slice(key, rows, listed) for key, rows in by_slice.items()]
        sign = -1.0 if metric in LESS_IS_BETTER else 1.0
        slices.sort(key=lambda item: (item.mean is None, sign * (item.mean or 0.0), item.dimension, item.value))
        whole_series = _slice(("", ""), {row.day: row for row in labelled}, listed)
        return SlicesSeries(days=listed, metric=metric, whole=whole_series, slices=slices)

    def newest_labelled(self, project_id: str, model_id: str, most: int) -> Days | None:
        """Return the range of the newest days with a realised metric; None if nothing is labelled."""
        metric = self._metric(project_id, model_id)
        labelled = [] if metric is None else self._performance.newest_measured_days(project_id, model_id, metric, most)
        return Days(labelled[0], labelled[-1]) if labelled else None

    def _metric(self, project_id: str, model_id: str) -> str | None:
        return PRIMARY_BY_TASK.get(self._performance.newest_task(project_id, model_id) or "")

    def _metric_days(self, project_id: str, model_id: str, days: Days) -> tuple[str | None, list[SliceMetric]]:
        metric = self._metric(project_id, model_id)
        if metric is None:
            return None, []
        return metric, self._performance.metric_days(project_id, model_id, days.start, days.end, metric)

    def importance(self, project_id: str, model_id: str) -> Mapping[str, float]:
        """Return the importance of each lake column in the champion's evaluation; empty if it was not measured."""
        champion = self._decisions.last(project_id, model_id, *CHAMPION_ACTIONS)
        if champion is None or champion.version is None:
            return {}
        training = self._trainings.of_version(project_id, model_id, champion.version)
        evaluation = None if training is None else training.evaluation
        return {} if evaluation is None else evaluation.get("importance", {})


def _band(metrics: Sequence[Mapping[str, Any] | None], window: int) -> Band:
    estimates = [estimate_of(metric) for metric in metrics]
    means = [
        None if estimate is None else pooled(filter(None, estimates[max(0, index + 1 - window) : index + 1]))
        for index, estimate in enumerate(estimates)
    ]
    return Band(
        values=[None if mean is None else mean.value for mean in means],
        low=[None if mean is None else mean.low for mean in means],
        high=[None if mean is None else mean.high for mean in means],
    )


def estimate_of(metric: Mapping[str, Any] | None) -> Estimate | None:
    """Return a stored metric as an estimate; None without value or interval."""
    if metric is None or None in (metric["value"], metric["low"], metric["high"]):
        return None
    return Estimate(metric["value"], metric["low"], metric["high"], metric["n"])


def _value(metric: Mapping[str, Any] | None) -> float | None:
    return None if metric is None else metric["value"]


def _slice(key: SliceKey, rows: Mapping[str, SliceMetric], days: Sequence[str]) -> SliceSeries:
    realised = [None if (row := rows.get(day)) is None else row.realised for day in days]
    mean = pooled(filter(None, map(estimate_of, realised)))
    return SliceSeries(
        dimension=key[0],
        value=key[1],
        n=0 if mean is None else mean.n,
        mean=None if mean is None else mean.value,
        low=None if mean is None else mean.low,
        high=None if mean is None else mean.high,
        by_day=_band(realised, 1),
    )
