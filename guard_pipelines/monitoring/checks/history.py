"""The stored metrics that checks compare: a run's days of each model, and the weeks before them.

When a day is out of the ordinary is in `rules`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from guard_core.days import local_days, now_us
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_pipelines.monitoring.checks.rules import TRAILING_DAYS, Metrics
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import BaselinesInForce, BaselineStore
from guard_store.projects.store import ProjectStore


@dataclass(frozen=True, slots=True)
class ModelDays:
    """A model's metrics by day: those of the run, of the weeks before, and of its baselines.

    Attributes
    ----------
    in_force : with which baseline a day is compared.
    baselines : by id of a baseline, the metrics of its days.
    """

    project_id: str
    model_id: str
    first_day: date
    days: Sequence[date]
    metrics: Mapping[date, Metrics]
    in_force: BaselinesInForce
    baselines: Mapping[str, Sequence[Metrics]]

    def baseline(self, day: date) -> Sequence[Metrics] | None:
        """Return the metrics of the days of the baseline that a day is compared with; None without a baseline."""
        chosen = self.in_force.of(day.isoformat())
        return None if chosen is None else self.baselines[chosen.id]

    def before(self, day: date) -> list[Metrics]:
        """Return the metrics of the trailing weeks, without days that have no events."""
        return [self.metrics[d] for n in range(1, TRAILING_DAYS + 1) if (d := day - timedelta(days=n)) in self.metrics]

    def same_weekdays(self, day: date) -> list[int]:
        """Return the events on the same weekday of the trailing weeks, since the model's first day; 0 on days without any."""
        weeks = (day - timedelta(days=7 * n) for n in range(1, TRAILING_DAYS // 7 + 1))
        return [self.count(week) for week in weeks if week >= self.first_day]

    def count(self, day: date) -> int:
        """Return the number of events of a day."""
        return int(self.metrics[day]["count"]) if day in self.metrics else 0


def model_days(database: Database, settings: Settings, days: Collection[str]) -> Iterator[ModelDays]:
    """Yield the closed days of a run for each model, from its first day on, if it has events on them or in the weeks before."""
    if not days:
        return
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    start = (first - timedelta(days=TRAILING_DAYS)).isoformat()
    at_us = now_us() - settings.pipelines.close_delay_s * SECOND_US
    for project in ProjectStore(database).page():
        today = local_days(project.timezone).of(at_us)
        for model in DayStateStore(database).models(project.id):
            aggregates = AggregateStore(database).days(project.id, model.model_id, start, last.isoformat())
            if not aggregates:
                continue
            metrics: dict[date, Metrics] = {date.fromisoformat(row.day): row.metrics for row in aggregates}
            first_day = date.fromisoformat(model.first_day)
            closed = [d for d in sorted(map(date.fromisoformat, days)) if first_day <= d < today]
            compared = baselines_of(database, project.id, model.model_id, closed)
            yield ModelDays(project.id, model.model_id, first_day, closed, metrics, *compared)


def baselines_of(
    database: Database, project_id: str, model_id: str, days: Sequence[date]
) -> tuple[BaselinesInForce, dict[str, list[Metrics]]]:
    """Return the baselines in force, and by id the metrics of the days of those that some days are compared with."""
    in_force = BaselineStore(database).in_force(project_id, model_id)
    used = {baseline.id: baseline for day in days if (baseline := in_force.of(day.isoformat()))}
    store = AggregateStore(database)
    metrics = {
        baseline.id: [row.metrics for row in store.days(project_id, model_id, baseline.start_day, baseline.end_day)]
        for baseline in used.values()
    }
    return in_force, metrics
