"""Decisions: the last of a sort is found, however many others came after it."""

from guard_store.database import Database
from guard_store.decisions import Actor, DecisionStore

ADMIN = Actor("key", "admin", None)


def test_a_promotion_is_found_behind_any_number_of_rejections(database: Database) -> None:
    store = DecisionStore(database)

    def decide(action: str, version: str, before: str | None) -> None:
        store.add("p", "m", action, reason="why", actor=ADMIN, version=version, champion_before=before)  # type: ignore[arg-type]

    decide("promoted", "1", None)
    decide("promoted", "2", "1")
    for number in range(3, 130):
        decide("rejected", str(number), "2")
    made = store.last("p", "m", "promoted", "rolled_back")
    assert made is not None
    assert (made.version, made.champion_before) == ("2", "1")
    first = store.last("p", "m", "promoted", version="1")
    assert first is not None
    assert first.champion_before is None
    assert store.last("p", "other", "promoted") is None
