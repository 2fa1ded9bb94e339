"""Stored events into the lake: ranges of consecutive days in one read and one commit.

Reading and committing are `guard_store`'s; here is which days go together and what happens when they fail.
"""

import logging
from collections.abc import Sequence
from typing import Any

from guard_core.columns import LABEL, PREDICTION
from guard_core.settings import Settings
from guard_pipelines.days.loop import Outcome, Scope, by_model, consecutive, isolated
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.db.arrow_reader import ArrowReader
from guard_store.db.database import Database
from guard_store.lake.rows import PIECE_ROWS, StoredDays, store_days
from guard_store.lake.store import Lake
from ml.monitoring.kinds import learn_kind, learn_prediction_kind

_log = logging.getLogger(__name__)
_EVENTS_PER_COMMIT = 2_000_000


class CountError(RuntimeError):
    """The lake got another number of rows than the news count."""


def store_news(scope: Scope, database: Database, lake: Lake, settings: Settings) -> Outcome:
    """Bring the lake's days up to the store."""
    outcome = Outcome()
    with ArrowReader(database, PIECE_ROWS) as reader:
        for items in by_model(scope.items("lake", database, settings)):
            for group in consecutive(items, _EVENTS_PER_COMMIT):
                _store_range(group, database, reader, lake, outcome)
    return outcome


def _store_range(
    items: Sequence[DayState], database: Database, reader: ArrowReader, lake: Lake, outcome: Outcome
) -> None:
    news = DayStateStore(database)
    if len(items) > 1:
        try:
            stored = store_days(database, reader, lake, items, learned_kind)
        except Exception:  # noqa: BLE001 - whatever it is, each day is tried alone
            # One bad day must not take its neighbours with it: find it by trying each alone.
            _log.warning("a range of days failed, trying each day", exc_info=True)
            for item in items:
                _store_range([item], database, reader, lake, outcome)
            return
        _finish(items, stored, news, outcome)
        return
    with isolated(news, items[0], outcome):
        _finish(items, store_days(database, reader, lake, items, learned_kind), news, outcome)


def _finish(items: Sequence[DayState], stored: StoredDays, news: DayStateStore, outcome: Outcome) -> None:
    equal = [item for item in items if stored.counts.get(item.day, 0) == item.events]
    outcome.count_marked(equal, news.mark("lake", equal))
    for item in items:
        outcome.add(item, rows=stored.counts.get(item.day, 0), lake_version=stored.version)
    now = {item.key: item for item in news.of_days({item.day for item in items})}
    for item in items:
        if item in equal:
            continue
        if item.key in now and now[item.key].changes != item.changes:
            outcome.moved += 1
            continue
        with isolated(news, item, outcome):
            raise CountError(
                f"{stored.counts.get(item.day, 0)} rows in the store, {item.events} by the news of the day"
            )


def learned_kind(column: str, values: Sequence[Any]) -> str | None:
    """Kind of a lake column, from a sample of its values; None where they say nothing."""
    return (learn_prediction_kind if column in {PREDICTION, LABEL} else learn_kind)(values)
