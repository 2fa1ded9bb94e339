"""The stored metrics that checks compare: a run's days of each model, and the weeks before them.

When a day is out of the ordinary is in `rules`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from guard_core.days import local_days, now_us
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_pipelines.monitoring.checks.rules import TRAILING_DAYS
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.projects.store import ProjectStore


@dataclass(frozen=True, slots=True)
class ModelDays:
    """A model's metrics by day: those of the run, and of the weeks before."""

    project_id: str
    model_id: str
    first_day: date
    days: Sequence[date]
    metrics: Mapping[date, Mapping[str, Any]]

    def before(self, day: date) -> list[Mapping[str, Any]]:
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
            metrics = {date.fromisoformat(aggregate.day): aggregate.metrics for aggregate in aggregates}
            first_day = date.fromisoformat(model.first_day)
            closed = [d for d in sorted(map(date.fromisoformat, days)) if first_day <= d < today]
            yield ModelDays(project.id, model.model_id, first_day, closed, metrics)
