"""Make a version the champion, by a person or by the rollback of a probation: decision, alert and alias together.

Which version that should be is decided elsewhere; a training promotes in `guard_pipelines.retraining.training`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from guard_store.db.database import Database
from guard_store.retraining import alert_facts
from guard_store.retraining.decisions import Action, Actor, write_decision
from guard_store.retraining.registry import CHALLENGER, CHAMPION, Registry


def make_champion(
    database: Database,
    registry: Registry,
    key: tuple[str, str],
    version: str,
    action: Action,
    *,
    reason: str,
    actor: Actor | None,
    champion_before: str | None,
    request_id: str | None = None,
    details: Mapping[str, Any] | None = None,
    record: Callable[[Connection], None] | None = None,
) -> None:
    """Record the decision and move the alias in one transaction: if the registry fails, nothing is recorded.

    The baseline stays the same.

    Parameters
    ----------
    actor : None if the rule has decided.
    record : writes what belongs to the decision in its transaction; an error of it undoes all.
    """
    with database.write() as connection:
        if record is not None:
            record(connection)
        write_decision(
            connection,
            *key,
            action,
            reason=reason,
            actor=actor,
            version=version,
            champion_before=champion_before,
            details=details,
            request_id=request_id,
        )
        alert_facts.write_decided_fact(
            connection,
            *key,
            action,
            reason=reason,
            version=version,
            champion=champion_before,
            by_rule=actor is None,
            request_id=request_id if actor is None else actor.request_id,
        )
        registry.set_alias(*key, CHAMPION, version)
    if registry.aliases(*key).get(CHALLENGER) == version:
        registry.delete_alias(*key, CHALLENGER)
