"""Decisions: the last of a sort is found, however many others came after it."""

from guard_store.db.database import Database
from guard_store.retraining.decisions import Actor, DecisionStore, write_decision

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


def test_only_what_a_person_has_decided_since_stands_against_a_version(database: Database) -> None:
    store = DecisionStore(database)
    with database.write() as connection:  # the gate's
        write_decision(connection, "p", "m", "rejected", reason="no gain", actor=None, version="2", champion_before="1")
    assert store.against("p", "m", "2", 0) is None
    store.add("p", "m", "promoted", reason="why", actor=ADMIN, version="2", champion_before="1")
    assert store.against("p", "m", "2", 0) is None
    replaced = store.against("p", "m", "1", 0)
    assert replaced is not None
    store.add("p", "m", "rolled_back", reason="worse", actor=ADMIN, version="1", champion_before="2")
    back = store.against("p", "m", "2", 0)
    assert back is not None
    assert (back.action, back.reason) == ("rolled_back", "worse")
    assert store.against("p", "m", "2", back.decided_us + 1) is None
    store.add("p", "m", "rejected", reason="unfair", actor=ADMIN, version="2", champion_before="1")
    last = store.against("p", "m", "2", back.decided_us)
    assert last is not None
    assert last.action in ("rejected", "rolled_back")  # they may share their microsecond
    assert store.against("p", "other", "2", 0) is None
