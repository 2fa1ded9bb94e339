"""Alerts are forgotten as whole incidents that are over and told; what was told once is not told again."""

import json
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from guard_core.days import from_microseconds, now_us
from guard_store.alerts.facts import FactStore
from guard_store.alerts.outbox import Outbox
from guard_store.alerts.tables import alert_history, alert_messages, alerts, incidents
from guard_store.db.database import Database
from guard_store.ledger.store import LedgerFilter, LedgerStore
from guard_store.retention.alerts import sweep_alerts
from tests.support.alert_facts import PROJECT, Facts
from tests.support.settings import settings_of

KEPT = settings_of(retention_alert_days=30)


@pytest.fixture
def facts(database: Database) -> Facts:
    return Facts(database)


def ended(facts: Facts, model: str, at: str = "2013-03-06T12:00:00Z", key: str = "drift") -> None:
    """An incident of a model that began and ended."""
    facts.write("drift", "policy/drift/drift", "Drift.", model=model, dedup_key=f"{key}/{model}")
    facts.fold(at)
    facts.write("drift", "policy/drift/drift", "In order.", op="clears", model=model)
    facts.fold(at)


def send(facts: Facts, *, gives_up: bool = False) -> None:
    """Send what is due, or give it up."""
    outbox = Outbox(facts.database)
    while (delivery := outbox.claim("oncall", lease_s=30)) is not None:
        if gives_up:
            outbox.mark_failed(delivery, "refused", most_attempts=1, retry_s=1, final=True)
        else:
            outbox.mark_sent(delivery)


def counts(database: Database) -> list[int]:
    with database.read() as connection:
        tables = (incidents, alerts, alert_history, alert_messages)
        return [int(connection.scalar(select(func.count()).select_from(table)) or 0) for table in tables]


def models_left(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(incidents.c.model_id).order_by(incidents.c.model_id)))


def sweeps(database: Database) -> list[dict[str, Any]]:
    rows = LedgerStore(database, None).page(LedgerFilter(route="retention"), None, 10)
    return [json.loads(msgspec.structs.asdict(row)["details"]) for row in rows]


def test_an_incident_goes_with_all_that_belongs_to_it(facts: Facts) -> None:
    ended(facts, "sent")
    send(facts)
    ended(facts, "given-up")
    send(facts, gives_up=True)
    assert counts(facts.database) == [2, 2, 4, 4]
    assert sweep_alerts(facts.database, settings_of()) is None
    assert sweep_alerts(facts.database, KEPT) == 2
    assert counts(facts.database) == [0, 0, 0, 0]
    told = {"kind": "alerts", "retention_days": 30, "deleted": 2, "alerts": 2, "messages": 4, "facts": 4}
    assert sweeps(facts.database) == [told]
    assert sweep_alerts(facts.database, KEPT) == 0
    assert len(sweeps(facts.database)) == 1
    assert LedgerStore(facts.database, None).verify().ok


def test_what_is_open_or_young_or_has_a_message_that_waits_stays_whole(facts: Facts) -> None:
    ended(facts, "young", from_microseconds(now_us() - 86_400_000_000).isoformat())
    facts.write("drift", "policy/drift/drift", "Drift.", model="open")
    facts.fold()
    send(facts)
    ended(facts, "waiting")
    (first, second) = [one for one in facts.messages() if one.model_id == "waiting"]
    Outbox(facts.database).mark_sent(first)
    before = counts(facts.database)
    assert sweep_alerts(facts.database, KEPT) == 0
    assert models_left(facts.database) == ["open", "waiting", "young"]
    assert counts(facts.database) == before
    Outbox(facts.database).mark_sent(second)
    assert sweep_alerts(facts.database, KEPT) == 1
    assert models_left(facts.database) == ["open", "young"]


def test_what_was_forgotten_is_not_told_again(facts: Facts) -> None:
    ended(facts, "m")
    send(facts)
    sweep_alerts(facts.database, KEPT)
    assert {(fact.message, str(fact.details)) for fact in FactStore(facts.database).newest(PROJECT, 10)} == {("", "{}")}

    facts.write("drift", "policy/drift/drift", "Drift.", model="m", dedup_key="drift/m")
    assert facts.fold() == []
    assert counts(facts.database) == [0, 0, 0, 0]
    ended(facts, "m", key="another")
    assert counts(facts.database)[0] == 1, "something else is"
