"""Messages with monthly reports: one for each model and month, in the outbox of alerts.

A report is a thread of one message. Its content is rendered when it is sent, which is `serving.alerts.delivery`.
"""

import uuid
from collections.abc import Mapping

from sqlalchemy import insert

from guard_core import page_addresses
from guard_core.days import now_us
from guard_store.alerts.facts import key_of
from guard_store.alerts.outbox import WAITING
from guard_store.alerts.tables import REPORT, alert_events, alert_messages, incidents
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert


def request_report(database: Database, project_id: str, model_id: str, month: str, *, route: str, server: str) -> bool:
    """Write the message with the report of a month; return False if there was one already, whatever became of it.

    Parameters
    ----------
    server : public address, for the link to the page.
    """
    message_id, thread_id = uuid.uuid4().hex, uuid.uuid4().hex
    names = {"project_id": project_id, "model_id": model_id}
    title = f"[REPORT] {project_id}/{model_id}: {month}"
    at = now_us()
    # The fact stays when retention deletes the message, so that no report is sent twice.
    fact = {
        **names,
        "id": uuid.uuid4().hex,
        "kind": REPORT,
        "dedup_key": key_of(REPORT, project_id, model_id, month),
        "severity": "info",
        "message": title,
        "details": {},
        "created_us": at,
        "folded_us": at,
    }
    thread = {
        **names,
        "id": thread_id,
        "state": REPORT,
        "thread": title,
        "messages": 1,
        "opened_us": at,
        "resolved_us": at,
    }
    page = f"{server}{page_addresses.model(project_id, model_id, 'report', month=month)}"
    message = _message(message_id, thread_id, title, names, month=month, route=route, page=page, at_us=at)
    with database.write() as connection:
        insertion = dialect_insert(connection, alert_events).values(fact).on_conflict_do_nothing()
        if connection.scalar(insertion.returning(alert_events.c.id)) is None:
            return False
        connection.execute(insert(incidents), thread)
        connection.execute(insert(alert_messages), message)
    return True


def _message(
    message_id: str,
    thread_id: str,
    title: str,
    names: Mapping[str, str],
    *,
    month: str,
    route: str,
    page: str,
    at_us: int,
) -> dict[str, object]:
    """Return the row of the message; its payload is what receivers get as JSON."""
    shared = {"id": message_id, "incident_id": thread_id, "seq": 1}
    payload = {
        **names,
        **shared,
        "thread": title,
        "state": REPORT,
        "severity": "info",
        "changes": [],
        "month": month,
        "page": page,
    }
    return {
        **shared,
        "route": route,
        "title": title,
        "body": f"Report: {page}\n",
        "payload": payload,
        "created_us": at_us,
        "due_us": at_us,
        "state": WAITING,
        "attempts": 0,
        "newest_attempts": [],
    }
