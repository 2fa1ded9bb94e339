"""Events as the server stores them, without the server: through its own writer."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from guard_core.days import microseconds
from guard_store.db.database import Database
from guard_store.ingest.rows import EventRow, StoreEvents, StoreLabels, label_row
from guard_store.steps import writer_steps
from guard_store.writer.writer import GroupWriter

RECEIVED_US = microseconds(datetime.fromisoformat("2024-06-01T00:00:00Z"))


def event(
    project_id: str,
    model_id: str,
    at: str,
    features: Mapping[str, Any] | str | None = None,
    *,
    y_pred: Any = 1,
    event_id: str | None = None,
    **envelope: Any,
) -> EventRow:
    """Return one row; `at` is an ISO instant, `features` may be JSON text."""
    text = features if isinstance(features, str) else msgspec.json.encode(features or {}).decode()
    return EventRow(
        project_id,
        event_id or uuid.uuid4().hex,
        model_id,
        microseconds(datetime.fromisoformat(at)),
        envelope.get("received_us", RECEIVED_US),
        envelope.get("endpoint", "predict"),
        envelope.get("latency_ms", 5.0),
        msgspec.json.encode(y_pred).decode(),
        envelope.get("y_proba", 0.5),
        text,
        envelope.get("request_id", "request-1"),
        envelope.get("model_version"),
        envelope.get("segment"),
    )


def store(database: Database, rows: Iterable[EventRow], *, request_id: str = "request-1") -> None:
    """Store the rows in one transaction, with their day states."""
    writer = GroupWriter(database, writer_steps(close_delay_s=300), queue_rows=1_000_000)
    writer.start()
    writer.store(StoreEvents(list(rows), RECEIVED_US, request_id))
    writer.stop()


def store_labels(database: Database, project_id: str, truths: Mapping[str, Any], *, observed_at: str) -> None:
    """Store labels by event id, in one transaction."""
    observed_us = microseconds(datetime.fromisoformat(observed_at))
    labels = [
        label_row(
            project_id,
            event_id,
            msgspec.json.encode(truth).decode(),
            observed_us=observed_us,
            received_us=RECEIVED_US,
            request_id="labels",
        )
        for event_id, truth in truths.items()
    ]
    writer = GroupWriter(database, writer_steps(close_delay_s=300), queue_rows=1_000_000)
    writer.start()
    writer.store(StoreLabels(labels, RECEIVED_US, "labels"))
    writer.stop()
