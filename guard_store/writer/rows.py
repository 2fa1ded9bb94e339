"""What goes into the event store and what comes back: rows, labels, submissions, outcomes, errors.

Plain data only; who makes rows is `serving.ingest.events`, who stores them is `guard_store.writer.writer`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import msgspec

from guard_store.ledger.bodies import Bodies
from guard_store.ledger.entry import Entry
from guard_store.spending.requests import Reservation, Reserved, Settlement

COLUMNS = (
    "project_id",
    "event_id",
    "model_id",
    "ts_us",
    "received_us",
    "endpoint",
    "latency_ms",
    "y_pred",
    "y_proba",
    "features",
    "request_id",
    "model_version",
    "segment",
)
"""Columns of `events` in the order of a `Row`."""

# A plain tuple: at 100,000 rows a second a class of its own would cost more than its insertion.
Row: TypeAlias = tuple[
    str, str, str, int, int, str | None, float, str, float | None, str, str | None, str | None, str | None
]
# Places in it
PROJECT: Final = 0
EVENT: Final = 1
MODEL: Final = 2
TS: Final = 3
RECEIVED: Final = 4

LABEL_COLUMNS = (
    "project_id",
    "event_id",
    "observed_us",
    "value_hash",
    "y_true",
    "received_us",
    "request_id",
    "waiting",
)
"""Columns of `labels` in the order of a `LabelRow`; `seq` is the database's."""

LabelRow: TypeAlias = tuple[str, str, int, str, str, int, str | None, bool]

RejectedRows: TypeAlias = Mapping[tuple[str, str, str], int]
"""Rejected rows by (project_id, model_id or '', field)."""


class QueueFullError(Exception):
    """So many rows wait for their commit that no more are taken now; nothing of this submission was stored."""


class StoreUnavailableError(Exception):
    """The transaction failed; sending the same again is safe, whatever became of it."""


class RowsRefusedError(ValueError):
    """The database refuses these rows, and will refuse them again; nothing of this submission was stored."""


def label_row(
    project_id: str, event_id: str, y_true: str, *, observed_us: int, received_us: int, request_id: str | None
) -> LabelRow:
    """The row of a label; `y_true` is JSON text. It waits until the day of its event has been told."""
    value_hash = hashlib.blake2b(y_true.encode(), digest_size=16).hexdigest()
    return (project_id, event_id, observed_us, value_hash, y_true, received_us, request_id, True)


class Sender(NamedTuple):
    """Who sends rows, as the ledger names them: by which route, with which key."""

    route: str
    key_id: str | None
    role: str


@dataclass(slots=True)  # not frozen: that would make its creation three times as slow
class Submission:
    """What one request wants stored, in one transaction: events or labels, and what was wrong with others.

    Attributes
    ----------
    sender : put on the ledger with the rows, together with others of the same transaction.
    entries : rows of the ledger as they are.
    bodies : kept with the only one of the entries.
    reserve, settle : a call of a language model that is about to be made, or has ended.
    """

    rows: Sequence[Row]
    received_us: int
    request_id: str | None = None
    rejected: RejectedRows = field(default_factory=dict)
    labels: Sequence[LabelRow] = ()
    sender: Sender | None = None
    entries: Sequence[Entry] = ()
    reserve: Reservation | None = None
    settle: Settlement | None = None
    bodies: Bodies | None = None

    @property
    def weight(self) -> int:
        """Rows as the queue counts them: one that only reports rejections still takes a place."""
        return len(self.rows) + len(self.labels) or 1

    @property
    def only_reserves(self) -> bool:
        """Whether it says nothing but that a call is about to be made."""
        return self.reserve is not None and not (
            self.rows or self.labels or self.rejected or self.entries or self.settle is not None
        )


class Outcome(msgspec.Struct, frozen=True):
    """What became of a submission: `duplicates` are positions in its rows or labels, all others are stored now.

    `reserved` answers a reservation.
    """

    accepted: int
    duplicates: frozenset[int]
    labels: bool = False
    reserved: Reserved | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction of the writer, for whoever counts them; `failed` rows, of either sort, were not stored."""

    accepted: int
    duplicates: int
    failed: int
    seconds: float
    labels_accepted: int = 0
    labels_duplicates: int = 0
