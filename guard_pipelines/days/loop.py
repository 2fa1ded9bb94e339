"""One stage over the days of one run: what it has to do, what was done, what failed.

What a stage does with a day is in `lake.py`, `profile.py` and `drift.py`.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
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
Cell = str | int | float


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run covers: its days, and whether all of them or only those with news."""

    days: Sequence[str]
    only_news: bool
    run_id: str

    def items(self, stage: Stage, database: Database, settings: Settings) -> Sequence[DayState]:
        """What a stage has to do; where retention has deleted what it reads, its results stay and count as up to date."""
        news = DayStateStore(database)
        found = news.work(stage, self.days, settings) if self.only_news else news.everything(stage, self.days)
        kept = [item for item in found if item.is_kept_for(stage)]
        if len(kept) < len(found):
            news.mark(stage, [item for item in found if not item.is_kept_for(stage)])
        return kept


@dataclass(slots=True)
class Outcome:
    """What a stage did: rows of a table for each day, and how many days of models are done, failed or have moved on."""

    started_s: float = field(default_factory=time.perf_counter)
    done: int = 0
    moved: int = 0
    failed: int = 0
    events: int = 0
    facts: dict[str, list[dict[str, Cell]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, item: DayState, **cells: Cell) -> None:
        """Note a processed day of a model."""
        self.events += item.events
        self.facts[item.day].append({"project": item.project_id, "model": item.model_id, "day": item.day, **cells})

    def count_marked(self, items: Sequence[DayState], marked: Sequence[DayState]) -> None:
        """Note how many days are done; those that changed meanwhile will be asked for again."""
        self.done += len(marked)
        self.moved += len(items) - len(marked)

    def numbers(self) -> dict[str, Cell]:
        """The run in numbers."""
        return {
            "model_days": self.done,
            "moved_meanwhile": self.moved,
            "failed": self.failed,
            "events": self.events,
            "seconds": round(time.perf_counter() - self.started_s, 3),
        }

    def table(self, day: str | None = None) -> str:
        """Markdown table of a day, or of the newest days of the run."""
        found = self.facts.get(day, []) if day else [row for key in sorted(self.facts) for row in self.facts[key]]
        return markdown(found[-_MAX_TABLE_ROWS:])


def markdown(rows: Sequence[dict[str, Cell]]) -> str:
    """A Markdown table; the first row names the columns."""
    if not rows:
        return "nothing to do"
    lines = [" | ".join(rows[0]), " | ".join("---" for _ in rows[0])]
    lines += [" | ".join(str(cell).replace("|", "\\|") for cell in row.values()) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


@contextmanager
def isolated(
    news: DayStateStore, item: DayState, outcome: Outcome, *, with_it: Sequence[DayState] = ()
) -> Iterator[None]:
    """Work on one day of one model: what fails is recorded as its failure (and that of days `with_it`), the others go on."""
    token = request_id_var.set(item.request_id)
    try:
        yield
    except Exception as error:  # noqa: BLE001 - recorded as this model's failure; stops no other
        names = {"project_id": item.project_id, "model_id": item.model_id, "day": item.day}
        # The cause is often the same for all days of a model: one traceback will do.
        _log.error("a day of a model failed: %s", error, extra=names, exc_info=outcome.failed == 0)
        for failed in (item, *with_it):
            outcome.failed += 1
            news.fail(failed, f"{type(error).__name__}: {error}")
    finally:
        request_id_var.reset(token)


def by_model(items: Sequence[DayState]) -> list[list[DayState]]:
    """The items of each model, oldest day first."""
    ordered = sorted(items, key=lambda item: item.key)
    return [list(group) for _, group in groupby(ordered, key=lambda item: item.key[:2])]


def consecutive(items: Sequence[DayState], max_events: int) -> list[list[DayState]]:
    """One model's items as ranges of days without a gap, of about `max_events` at most."""
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
