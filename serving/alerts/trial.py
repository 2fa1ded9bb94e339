"""The message that tries a route: sent past the outbox, so that its outcome is known at once."""

import uuid

from guard_core.days import now_us
from guard_store.alerts.outbox import WAITING, Delivery


def trial_message(route: str, public_address: str) -> Delivery:
    """Compose a message that says that nothing is wrong."""
    message_id, at_us = uuid.uuid4().hex, now_us()
    title = "[INFO] ML Guard: a test message"
    payload = {"id": message_id, "incident_id": message_id, "seq": 1, "thread": title, "project_id": None}
    return Delivery(
        id=message_id,
        incident_id=message_id,
        route=route,
        seq=1,
        title=title,
        body=f"This is a test of the alert route {route}. Nothing is wrong.\n\n{public_address}\n",
        payload={**payload, "model_id": None, "state": "test", "severity": "info", "changes": []},
        created_us=at_us,
        due_us=at_us,
        state=WAITING,
        attempts=0,
        newest_attempts=[],
        lease=None,
        lease_until_us=None,
        sent_us=None,
        project_id="",
        model_id="",
        thread=title,
    )
