"""The stored metrics that checks compare: a run's days of each model, and the weeks before them.

Reading belongs here, judging to `rules.py`.
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
        """Metrics of the trailing weeks, days without events left out."""
        return [self.metrics[d] for n in range(1, TRAILING_DAYS + 1) if (d := day - timedelta(days=n)) in self.metrics]

    def same_weekdays(self, day: date) -> list[int]:
        """Events on the same weekday of the trailing weeks, since the model's first day; 0 where there were none."""
        weeks = (day - timedelta(days=7 * n) for n in range(1, TRAILING_DAYS // 7 + 1))
        return [self.count(week) for week in weeks if week >= self.first_day]

    def count(self, day: date) -> int:
        """Events of a day."""
        return int(self.metrics[day]["count"]) if day in self.metrics else 0


def model_days(database: Database, settings: Settings, days: Collection[str]) -> Iterator[ModelDays]:
    """The closed days of a run, for each model that had begun by then and had events in the weeks before or then."""
    if not days:
        return
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    start = (first - timedelta(days=TRAILING_DAYS)).isoformat()
    at_us = now_us() - settings.pipelines.close_delay_s * SECOND_US
    for project in ProjectStore(database).page():
        today = local_days(project.timezone).of(at_us)
        for model in DayStateStore(database).models(project.id):
            found = AggregateStore(database).days(project.id, model.model_id, start, last.isoformat())
            if not found:
                continue
            metrics = {date.fromisoformat(aggregate.day): aggregate.metrics for aggregate in found}
            begun = date.fromisoformat(model.first_day)
            wanted = [d for d in sorted(map(date.fromisoformat, days)) if begun <= d < today]
            yield ModelDays(project.id, model.model_id, begun, wanted, metrics)
