"""The stored results of a model's newest days, read once for all policies, and the finding of each kind of policy on a day.

Conditions are in `ml.alerting.conditions`; what is out of the ordinary without a threshold is in `monitoring.checks.rules`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from statistics import median
from typing import Any, TypeVar

from guard_core.alerting.figures import Figure
from guard_core.columns import feature_name
from guard_pipelines.monitoring.checks.history import ModelDays, baselines_of
from guard_pipelines.monitoring.checks.rules import TRAILING_DAYS, null_jumps, odd_volume, unseen_features
from guard_pipelines.retraining.stage import collect_evidence, read_metric
from guard_store.day_state.day_state import DayState
from guard_store.db.database import Database
from guard_store.ingest.rejections import RejectionStore
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import Baseline, BaselineStore
from guard_store.monitoring.drift_reports import DriftReportStore, StoredReport
from guard_store.monitoring.performance import PerformanceStore, StoredPerformance
from ml.alerting import conditions
from ml.alerting.conditions import Finding, JudgedDay, Outcome, Unknown

_TREND_DAYS = 28  # of the number that a finding is about
_SPARSE = 4  # calendar days read for each day that a policy needs: some models have no events on most days
ResultT = TypeVar("ResultT", StoredReport, StoredPerformance)


@dataclass(frozen=True)
class Evidence:
    """The newest measured day of a model, and the days before it that policies cover."""

    database: Database
    item: DayState
    of_days: int

    def judge_days(self, kind: str, limit: float | None) -> list[JudgedDay]:
        """Return the days that a kind of policy can judge, oldest first, with the finding on each."""
        judges: Mapping[str, Callable[[float | None], Iterator[tuple[str, Outcome]]]] = {
            "drift": self._drift,
            "performance": self._performance,
            "latency": self._latency,
            "volume": self._volume,
            "error_rate": self._rejected,
            "data_quality": self._quality,
        }
        judged = judges[kind](limit)
        return [JudgedDay(day, outcome) for day, outcome in judged if not isinstance(outcome, Unknown)]

    def trend(self, kind: str, figure: Figure) -> Figure:
        """Add to a figure its values on the newest days, up to four weeks back."""
        start = (self.item.local_date - timedelta(days=_TREND_DAYS - 1)).isoformat()
        values = {day: value for day, value in self._values(kind, figure.key, start) if value is not None}
        return replace(figure, days=list(values), values=list(values.values()))

    def _values(self, kind: str, key: str, start: str) -> Iterator[tuple[str, float | None]]:
        """Yield the values of a kind's measure by day, oldest first; nothing for kinds without a measure a day."""
        model, end = self.item.key[:2], self.item.day
        match kind:
            case "drift":
                for report in self._of_baseline(DriftReportStore(self.database).days(*model, start, end)):
                    columns = {column["column"]: column for column in report.report.get("columns", [])}
                    yield report.day, columns.get(key, {}).get("effect")
            case "performance":
                for measured in self._of_baseline(PerformanceStore(self.database).days(*model, start, end)):
                    evidence = collect_evidence(measured.day, {}, measured)
                    readings = ((m or {}).get(key, {}).get("value") for m in (evidence.realised, evidence.estimated))
                    yield measured.day, next((value for value in readings if value is not None), None)
            case "latency" | "volume":
                for day, metrics in sorted(self._history.metrics.items()):
                    p95 = (metrics.get("latency") or {}).get("p95")
                    yield day.isoformat(), p95 if kind == "latency" else float(self._history.count(day))

    def _of_baseline(self, results: Sequence[ResultT]) -> Sequence[ResultT]:
        """Return the results that were compared with the baseline in force."""
        baseline_id = None if self.baseline is None else self.baseline.id
        return [result for result in results if result.baseline_id == baseline_id]

    @cached_property
    def baseline(self) -> Baseline | None:
        """The baseline that new days are compared with; results against an earlier one no longer count."""
        chain = BaselineStore(self.database).in_force(*self.item.key[:2]).chain
        return chain[0] if chain else None

    def _drift(self, limit: float | None) -> Iterator[tuple[str, Outcome]]:
        for report in self._reports:
            yield report.day, conditions.check_drift(report.report, limit or 0.0)

    def _performance(self, limit: float | None) -> Iterator[tuple[str, Outcome]]:
        metric = read_metric(self.database, self.baseline, self.item)
        for day in self._measured:
            evidence = collect_evidence(day.day, {}, day)
            yield day.day, conditions.check_performance(evidence, metric, limit or 0.0)

    def _latency(self, limit: float | None) -> Iterator[tuple[str, Outcome]]:
        for day in self._days:
            yield day.isoformat(), conditions.check_latency(self._history.metrics[day], limit or 0.0)

    def _volume(self, limit: float | None) -> Iterator[tuple[str, Outcome]]:
        for day in self._days:
            count, usual = self._history.count(day), self._history.same_weekdays(day)
            if limit is not None:
                yield day.isoformat(), conditions.check_volume(count, median(usual) if usual else None, limit)
            else:
                odd = odd_volume(count, usual)
                away = abs(count - median(usual)) / max(median(usual), 1.0) if usual else 0.0
                yield day.isoformat(), None if odd is None else Finding(odd, away)

    def _rejected(self, limit: float | None) -> Iterator[tuple[str, Outcome]]:
        by_field: dict[str, dict[str, int]] = {}
        project_id, model_id = self.item.key[:2]
        for row in RejectionStore(self.database).days(project_id, self._first(1), self.item.day, model_id=model_id):
            by_field.setdefault(row.day, {})[row.field] = row.count
        for day in self._days:
            events = self._history.count(day)
            yield day.isoformat(), conditions.check_rejections(events, by_field.get(day.isoformat(), {}), limit or 0.0)

    def _quality(self, limit: float | None) -> Iterator[tuple[str, Outcome]]:
        for day in self._days:
            today = self._history.metrics[day]
            if limit is not None:
                yield day.isoformat(), conditions.check_nulls(today, limit)
                continue
            before = self._history.before(day)
            lines = [f"unseen before: {name}" for name in unseen_features(today, before)]
            lines += [f"{feature_name(column)}: {n} misfits" for column, n in _misfits(today).items()]
            lines += null_jumps(today, before, self._history.baseline(day))
            columns = "a feature" if len(lines) == 1 else f"{len(lines)} features"
            yield day.isoformat(), Finding(f"Odd data in {columns}", float(len(lines)), lines) if lines else None

    def _first(self, sparse: int) -> str:
        return (self.item.local_date - timedelta(days=sparse * self.of_days - 1)).isoformat()

    @cached_property
    def _reports(self) -> Sequence[StoredReport]:
        reports = DriftReportStore(self.database).days(*self.item.key[:2], self._first(_SPARSE), self.item.day)
        return self._of_baseline(reports)

    @cached_property
    def _measured(self) -> Sequence[StoredPerformance]:
        days = PerformanceStore(self.database).days(*self.item.key[:2], self._first(_SPARSE), self.item.day)
        return self._of_baseline(days)

    @cached_property
    def _days(self) -> Sequence[date]:
        """The days with events."""
        return self._days_from(self._history.metrics)

    def _days_from(self, days: Iterable[date]) -> Sequence[date]:
        first = date.fromisoformat(self._first(_SPARSE))
        return [day for day in sorted(days) if day >= first]

    @cached_property
    def _history(self) -> ModelDays:
        start = date.fromisoformat(self._first(_SPARSE)) - timedelta(days=TRAILING_DAYS)
        aggregates = AggregateStore(self.database).days(*self.item.key[:2], start.isoformat(), self.item.day)
        metrics: dict[date, Mapping[str, Any]] = {date.fromisoformat(row.day): row.metrics for row in aggregates}
        first_day = min(metrics, default=self.item.local_date)
        compared = baselines_of(self.database, *self.item.key[:2], self._days_from(metrics))
        return ModelDays(*self.item.key[:2], first_day, sorted(metrics), metrics, *compared)


def _misfits(metrics: Mapping[str, Any]) -> Mapping[str, int]:
    violations: Mapping[str, int] = metrics.get("violations", {})
    return violations
