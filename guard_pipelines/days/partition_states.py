"""Which partitions of a run a stage has evaluated, and what metadata add where a day is not closed yet, has failed or waits.

Numbers and tables of a day are in `loop`; that only evaluated days are materialised is in `runtime.partial_ranges`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore, Stage
from guard_store.db.database import Database


@dataclass(frozen=True, slots=True)
class PartitionStates:
    """The states of a run's days after a stage.

    Attributes
    ----------
    skipped : the days that the stage has not processed in every model.
    entries : by day, the metadata entry `state`, where there is something to state.
    of_models : the state of each day of each model.
    """

    skipped: Sequence[str]
    entries: Mapping[str, Mapping[str, str]]
    of_models: Sequence[DayState]

    @classmethod
    def after(cls, stage: Stage | None, days: Collection[str], database: Database, settings: Settings) -> Self:
        """Read the states after a stage; after all of them if there is none."""
        at_us = now_us()
        texts: dict[str, list[str]] = {}
        skipped = set()
        of_models = DayStateStore(database).of_days(days)
        for item in of_models:
            is_behind = not item.has_passed(stage)
            skipped |= {item.day} if is_behind else set()
            texts.setdefault(item.day, []).append(_describe(item, settings, at_us, is_behind=is_behind))
        entries = {}
        for day, of_day in texts.items():
            parts = [f"{of_day.count(text)} of {len(of_day)} models: {text}" for text in sorted({*of_day} - {""})]
            if parts:
                entries[day] = {"state": "; ".join(parts)}
        return cls([day for day in days if day in skipped], entries, of_models)


def _describe(item: DayState, settings: Settings, at_us: int, *, is_behind: bool) -> str:
    if item.failed:
        return "failed"
    if not item.is_closed(settings, at_us):
        return "not closed yet"
    return "changed meanwhile" if is_behind else ""
