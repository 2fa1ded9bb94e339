"""What a partition's metadata add where its day is not simply processed: not closed yet, or failed.

Numbers and tables of a day are in `loop`.
"""

from collections.abc import Collection

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database


def describe_states(database: Database, settings: Settings, days: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the metadata entry `state` of those of these days that are not closed in every model, or have failed."""
    at_us = now_us()
    models: dict[str, list[str]] = {}
    for item in DayStateStore(database).of_days(days):
        state = "failed" if item.failed else "" if item.is_closed(settings, at_us) else "not closed yet"
        models.setdefault(item.day, []).append(state)
    described = {}
    for day, states in models.items():
        texts = [f"{states.count(name)} of {len(states)} models: {name}" for name in sorted({*states} - {""})]
        if texts:
            described[day] = {"state": "; ".join(texts)}
    return described
