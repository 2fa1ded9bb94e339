"""Stored events into the lake: ranges of consecutive days in one read and one commit.

`guard_store.lake` reads and commits; which days share a commit, and what happens if they fail, belongs here.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from guard_core.columns import LABEL, PREDICTION
from guard_core.settings import Settings
from guard_pipelines.days.findings import newest_closed_days
from guard_pipelines.days.loop import Outcome, Scope, StageRun, group_consecutive, run_stage
from guard_pipelines.monitoring.stages.lake_counts import compare_counts
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.db.arrow_reader import ArrowReader
from guard_store.db.database import Database
from guard_store.lake.rows import PIECE_ROWS, StoredDays, store_days
from guard_store.lake.store import Lake
from ml.monitoring.kinds import learn_kind, learn_prediction_kind

_log = logging.getLogger(__name__)
_EVENTS_PER_COMMIT = 2_000_000
_Store = Callable[[Sequence[DayState]], StoredDays]


class CountError(RuntimeError):
    """The store holds another number of rows than the state of the day counts."""


def store_events(scope: Scope, database: Database, lake: Lake, settings: Settings) -> Outcome:
    """Bring the lake's days up to the store, and verify all days of the run.

    A day with other counts is failed and sent back to the start, so that the next run repairs it and no other day waits for it.
    """
    with ArrowReader(database, PIECE_ROWS) as reader:
        outcome = run_stage(
            "lake", scope, database, settings, partial(_store_model, partial(_store, database, reader, lake, settings))
        )
    outcome.inspected, mismatches = compare_counts(database, lake, scope.days)
    if scope.only_unprocessed and not outcome.inspected:  # the schedule has run a day without events
        outcome.inspected, mismatches = compare_counts(database, lake, newest_closed_days(database, settings))
    for mismatch in mismatches:
        DayStateStore(database).fail(mismatch.item, str(mismatch), from_the_start=True)
        outcome.add_finding(mismatch.item, str(mismatch))
    return outcome


def _store(
    database: Database, reader: ArrowReader, lake: Lake, settings: Settings, items: Sequence[DayState]
) -> StoredDays:
    return store_days(database, reader, lake, items, infer_kind, settings.ingest.max_features)


def _store_model(store: _Store, run: StageRun, items: Sequence[DayState]) -> None:
    for days in group_consecutive(items, _EVENTS_PER_COMMIT):
        _store_range(store, run, days)


def _store_range(store: _Store, run: StageRun, items: Sequence[DayState]) -> None:
    if len(items) > 1:
        try:
            stored = store(items)
        except Exception:  # noqa: BLE001 - whatever the error, each day is tried alone
            # One bad day must not fail its neighbours: trying each alone finds it.
            _log.warning("a range of days failed, trying each day", exc_info=True)
            for item in items:
                _store_range(store, run, [item])
            return
        _finish(items, stored, run)
        return
    with run.isolate(items[0]):
        _finish(items, store(items), run)


def _finish(items: Sequence[DayState], stored: StoredDays, run: StageRun) -> None:
    equal = [item for item in items if stored.counts.get(item.day, 0) == item.events]
    run.mark(equal)
    for item in items:
        run.outcome.add(item, rows=stored.counts.get(item.day, 0), lake_version=stored.version)
    current = {item.key: item for item in run.store.of_days({item.day for item in items})}
    for item in items:
        if item in equal:
            continue
        if item.key in current and current[item.key].changes != item.changes:
            run.outcome.changed_meanwhile += 1
            continue
        with run.isolate(item):
            raise CountError(
                f"{stored.counts.get(item.day, 0)} rows in the store, {item.events} by the state of the day"
            )


def infer_kind(column: str, values: Sequence[Any]) -> str | None:
    """Infer the kind of a lake column from a sample of its values; None if they do not determine one."""
    return (learn_prediction_kind if column in {PREDICTION, LABEL} else learn_kind)(values)
