"""The loop that every daily stage runs through: select the days of each model, isolate failures, mark what is done.

What a stage does with the days of one model is a function of its own domain.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby

from guard_core.logging import request_id_var
from guard_core.settings import Settings
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore, Stage
from guard_store.db.database import Database

_log = logging.getLogger(__name__)
_MAX_TABLE_ROWS = 50
_MAX_TABLE_CHARACTERS = 400
Cell = str | int | float


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run covers: its days, and whether all of them or only those with unprocessed rows."""

    days: Sequence[str]
    only_unprocessed: bool
    run_id: str


@dataclass(slots=True)
class Outcome:
    """The result of a stage: rows of a table for each day; counts of model-days that are done, failed or changed meanwhile.

    `findings` are those of the check that the stage's asset reports, after it has looked at `inspected` model-days.
    """

    started_s: float = field(default_factory=time.perf_counter)
    done: int = 0
    changed_meanwhile: int = 0
    failed: int = 0
    events: int = 0
    table_rows: dict[str, list[dict[str, Cell]]] = field(default_factory=lambda: defaultdict(list))
    findings: list[dict[str, Cell]] = field(default_factory=list)
    inspected: int = 0

    def add(self, item: DayState, **cells: Cell) -> None:
        """Add the row of a processed day of a model."""
        self.events += item.events
        self.table_rows[item.day].append({"project": item.project_id, "model": item.model_id, "day": item.day, **cells})

    def add_finding(self, item: DayState, text: str) -> None:
        """Add a finding on a day of a model, for the check that the stage's asset reports."""
        self.findings.append({"project": item.project_id, "model": item.model_id, "day": item.day, "finding": text})

    def count_marked(self, items: Sequence[DayState], marked: Sequence[DayState]) -> None:
        """Count the days that are done; those that changed meanwhile are requested again."""
        self.done += len(marked)
        self.changed_meanwhile += len(items) - len(marked)

    def numbers(self) -> dict[str, Cell]:
        """Return the run in numbers."""
        return {
            "model_days": self.done,
            "changed_meanwhile": self.changed_meanwhile,
            "failed": self.failed,
            "events": self.events,
            "seconds": round(time.perf_counter() - self.started_s, 3),
        }

    def table_of(self, day: str) -> str:
        """Return the Markdown table of a day."""
        return short_table(self.table_rows.get(day, []))

    def table(self) -> str:
        """Return the Markdown table of the newest days of the run."""
        rows = [row for key in sorted(self.table_rows) for row in self.table_rows[key]]
        return markdown(rows[-_MAX_TABLE_ROWS:])


def markdown(rows: Sequence[dict[str, Cell]]) -> str:
    """Format rows as a Markdown table; the keys of the first row are its columns."""
    if not rows:
        return "nothing to do"
    lines = [" | ".join(rows[0]), " | ".join("---" for _ in rows[0])]
    lines += [" | ".join(str(cell).replace("|", "\\|") for cell in row.values()) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def short_table(rows: Sequence[dict[str, Cell]]) -> str:
    """Format rows as a Markdown table, cut after as many as a small part of the event log holds."""
    shown = next((n for n in range(len(rows), 1, -1) if len(markdown(rows[:n])) <= _MAX_TABLE_CHARACTERS), 1)
    more = len(rows) - shown
    return markdown(rows[:shown]) + (f"\n\n… and {more} more" if more > 0 else "")


class StageRun:
    """A stage on the days of one run: isolates the failures of models, marks days as done and collects the outcome."""

    def __init__(self, stage: Stage, scope: Scope, database: Database) -> None:
        self.run_id = scope.run_id
        self.store = DayStateStore(database)
        self.outcome = Outcome()
        self._stage = stage
        self._scope = scope

    def model_days(self, settings: Settings) -> list[list[DayState]]:
        """Select the days to process, by model, oldest first.

        If retention has deleted what the stage reads, its results stay and count as up to date.
        """
        days = self._scope.days
        selected = (
            self.store.due_at_stage(self._stage, days, settings)
            if self._scope.only_unprocessed
            else self.store.processable(self._stage, days)
        )
        kept = [item for item in selected if item.is_kept_for(self._stage)]
        if len(kept) < len(selected):
            self.store.mark(self._stage, [item for item in selected if not item.is_kept_for(self._stage)])
        return group_by_model(kept)

    @contextmanager
    def isolate(self, item: DayState, *, with_days: Sequence[DayState] = ()) -> Iterator[None]:
        """Work on one day of one model; record an error as the failure of that day and of `with_days`."""
        names = {"project_id": item.project_id, "model_id": item.model_id, "day": item.day}
        failing = (item, *with_days)

        def record(error: str) -> None:
            for failed in failing:
                self.store.fail(failed, error)

        token = request_id_var.set(item.request_id)
        try:
            with isolate(self.outcome, names, days=len(failing), record=record):
                yield
        finally:
            request_id_var.reset(token)

    def mark(self, items: Sequence[DayState]) -> None:
        """Mark days as processed by the stage, and count those that changed meanwhile."""
        self.outcome.count_marked(items, self.store.mark(self._stage, items))


def run_stage(
    stage: Stage,
    scope: Scope,
    database: Database,
    settings: Settings,
    process_model: Callable[[StageRun, list[DayState]], None],
) -> Outcome:
    """Run a stage over all models that have days to process.

    Parameters
    ----------
    process_model : processes the days of one model, oldest first; works inside `StageRun.isolate` and ends with `StageRun.mark`.
    """
    run = StageRun(stage, scope, database)
    for items in run.model_days(settings):
        process_model(run, items)
    return run.outcome


@contextmanager
def isolate(
    outcome: Outcome, names: Mapping[str, str], *, days: int = 1, record: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Keep an error to the model that `names` describe: log it, count its `days` as failed and hand its text to `record`."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - recorded as this model's failure; stops no other
        # The cause is often the same for all days of a model: one traceback is enough.
        _log.error("a day of a model failed: %s", error, extra=dict(names), exc_info=outcome.failed == 0)
        outcome.failed += days
        if record is not None:
            record(f"{type(error).__name__}: {error}")


def group_by_model(items: Sequence[DayState]) -> list[list[DayState]]:
    """Group day states by model, oldest day first."""
    ordered = sorted(items, key=lambda item: item.key)
    return [list(group) for _, group in groupby(ordered, key=lambda item: item.key[:2])]


def group_consecutive(items: Sequence[DayState], max_events: int) -> list[list[DayState]]:
    """Group the day states of one model into ranges of days without a gap, each of at most about `max_events`."""
    ranges: list[list[DayState]] = []
    events = 0
    for item in items:
        follows = ranges and ranges[-1][-1].local_date + timedelta(days=1) == item.local_date
        if follows and events + item.events <= max_events:
            ranges[-1].append(item)
            events += item.events
        else:
            ranges.append([item])
            events = item.events
    return ranges
