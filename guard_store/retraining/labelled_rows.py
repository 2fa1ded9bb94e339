"""The labelled rows that a training may use, as numbers by day: how they are split in time, and what is missing.

The rows themselves are read from the lake by the pipelines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import and_, case, func, select

from guard_core.days import LocalDays
from guard_core.project_settings.training import TrainingSpec
from guard_store.day_state.store import DayStateStore
from guard_store.db.conditions import of_instants
from guard_store.db.database import Database
from guard_store.ingest.labels import LabelStore, with_newest_label
from guard_store.ingest.tables import events, labels


@dataclass(frozen=True)
class LabelledRows:
    """Numbers of labelled rows.

    Attributes
    ----------
    by_day : rows whose event and label were known at the instant of the training.
    late_labels : labels of these days that were observed after it.
    """

    by_day: Mapping[str, int]
    late_labels: int = 0

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(self.by_day.values())

    def split(self, spec: TrainingSpec) -> tuple[list[str], list[str]]:
        """Return the days to train on and the days to hold out, oldest first."""
        used = sorted(day for day, rows in self.by_day.items() if rows)
        held_out = _choose_held_out(used, self.by_day, spec)
        return used[: len(used) - len(held_out)], held_out

    def trained_rows(self, spec: TrainingSpec) -> int:
        """Number of rows beside the held-out days."""
        return sum(self.by_day[day] for day in self.split(spec)[0])

    def shortage(self, spec: TrainingSpec, last: date) -> str | None:
        """Describe what a training up to a day lacks; None if there are enough rows."""
        training_days, held_out_days = self.split(spec)
        if held_out_days and self.trained_rows(spec) >= spec.min_rows:
            return None
        return (
            f"{self.rows} labelled rows on {len(training_days) + len(held_out_days)} of the {spec.window_days} days up to {last} are too few:"
            f" training.min_rows requires {spec.min_rows} beside the held-out days;"
            f" {self.late_labels} labels were observed later"
        )


def count_labelled_rows(
    database: Database, project_id: str, model_id: str, as_of_us: int, zone: LocalDays, spec: TrainingSpec
) -> LabelledRows:
    """Count the stored rows that a training as of an instant may use, newest days first, until there are enough."""
    last = zone.of(as_of_us - 1)
    first = last - timedelta(days=spec.window_days - 1)
    LabelStore(database).count_on_days()  # days without labels need no counting
    days = DayStateStore(database).list(project_id, model_id, first.isoformat(), last.isoformat())
    numbers = LabelledRows({})
    for day in reversed(days):
        if numbers.shortage(spec, last) is None:
            break
        if day.labels:
            rows, late = _count_day(database, project_id, model_id, zone.bounds_us(day.local_date), as_of_us)
            numbers = LabelledRows({**numbers.by_day, day.day: rows}, numbers.late_labels + late)
    return numbers


def _count_day(
    database: Database, project_id: str, model_id: str, bounds_us: tuple[int, int], as_of_us: int
) -> tuple[int, int]:
    """Count the rows of a day whose event and label were known at an instant, and those whose label was not."""
    is_known = and_(events.c.ts_us < as_of_us, labels.c.observed_us <= as_of_us)
    statement = (
        select(func.count(case((is_known, 1))), func.count(labels.c.seq))
        .select_from(with_newest_label())
        .where(of_instants(events, project_id, model_id, bounds_us))
    )
    with database.read() as connection:
        rows, labels_of_day = connection.execute(statement).one()
    return rows, labels_of_day - rows


def _choose_held_out(used: Sequence[str], counts: Mapping[str, int], spec: TrainingSpec) -> list[str]:
    half = sum(counts[day] for day in used) / 2
    held_out: list[str] = []
    rows = 0
    for day in reversed(used):
        enough = len(held_out) >= spec.holdout_days and rows >= spec.holdout_rows
        if enough or (held_out and rows + counts[day] > half):
            break
        held_out.insert(0, day)
        rows += counts[day]
    return held_out
