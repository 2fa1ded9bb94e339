"""Rows of events and labels, and the works of requests that store them.

Plain data only: `serving.ingest` builds rows from validated requests, `step` stores them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import msgspec

from guard_store.ledger.entry import Entry
from guard_store.writer.work import Work


class EventRow(msgspec.Struct, array_like=True, gc=False):
    """A row of the table `events`; `y_pred` and `features` are JSON text."""

    project_id: str
    event_id: str
    model_id: str
    ts_us: int
    received_us: int
    endpoint: str | None
    latency_ms: float | None
    y_pred: str
    y_proba: float | None
    features: str
    request_id: str | None
    model_version: str | None
    segment: str | None


class LabelRow(msgspec.Struct, array_like=True, gc=False):
    """A row of the table `labels` without its number; `y_true` is JSON text, `value_hash` its hash.

    `waiting` is true until the day of the label's event has counted it.
    """

    project_id: str
    event_id: str
    observed_us: int
    value_hash: str
    y_true: str
    received_us: int
    request_id: str | None
    waiting: bool = True


RejectedRows: TypeAlias = Mapping[tuple[str, str, str], int]
"""Rejected rows by (project_id, model_id or '', field)."""


def label_row(
    project_id: str, event_id: str, y_true: str, *, observed_us: int, received_us: int, request_id: str | None
) -> LabelRow:
    """Build the row of a label; `y_true` is JSON text."""
    value_hash = hashlib.blake2b(y_true.encode(), digest_size=16).hexdigest()
    return LabelRow(project_id, event_id, observed_us, value_hash, y_true, received_us, request_id)


class Sender(NamedTuple):
    """The sender of rows, for the ledger: the route, the key, and its role."""

    route: str
    key_id: str | None
    role: str


class RowsOutcome(msgspec.Struct, frozen=True):
    """The outcome of one request: `duplicates` are positions of rows that were stored before; the others are stored now."""

    accepted: int
    duplicates: frozenset[int]


NO_ROWS: Final = RowsOutcome(0, frozenset())
ONE_ROW: Final = RowsOutcome(1, frozenset())


@dataclass(slots=True)
class StoreEvents(Work):
    """Stores events, each once, and counts rejected ones.

    Attributes
    ----------
    sender : recorded in the ledger, in one entry with other requests of the same transaction.
    entries : entries of requests that were answered before the database had their rows (predictions of the journal); they
        are appended to the ledger unless it has them already.
    is_replay : whether these rows may be stored already because a process died; they are then no duplicates of their sender.
    outcome : set before the commit, valid once the transaction is durable.
    """

    rows: Sequence[EventRow]
    received_us: int
    request_id: str | None = None
    rejected: RejectedRows = field(default_factory=dict)
    sender: Sender | None = None
    entries: Sequence[Entry] = ()
    is_replay: bool = False
    outcome: RowsOutcome = NO_ROWS

    @property
    def weight(self) -> int:
        """Number of rows, at least 1."""
        return len(self.rows) or 1


@dataclass(slots=True)
class StoreLabels(Work):
    """Stores labels, each version once, and counts rejected ones; attributes as for `StoreEvents`."""

    rows: Sequence[LabelRow]
    received_us: int
    request_id: str | None = None
    rejected: RejectedRows = field(default_factory=dict)
    sender: Sender | None = None
    outcome: RowsOutcome = NO_ROWS

    @property
    def weight(self) -> int:
        """Number of rows, at least 1."""
        return len(self.rows) or 1
