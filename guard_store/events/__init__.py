"""The event store's writing side: many requests share one durable transaction (group commit).

What an event row is, how a group is stored and how a day's news is counted belong here; HTTP and validation do not.
"""

from guard_store.events.ids import new_event_ids, new_id
from guard_store.events.rows import (
    COLUMNS,
    Commit,
    LabelRow,
    Outcome,
    QueueFullError,
    Row,
    RowsRefusedError,
    Sender,
    StoreUnavailableError,
    Submission,
    label_row,
)
from guard_store.events.writer import EventWriter
from guard_store.events.zones import project_zones

__all__ = [
    "COLUMNS",
    "Commit",
    "EventWriter",
    "LabelRow",
    "Outcome",
    "QueueFullError",
    "Row",
    "RowsRefusedError",
    "Sender",
    "StoreUnavailableError",
    "Submission",
    "label_row",
    "new_event_ids",
    "new_id",
    "project_zones",
]
