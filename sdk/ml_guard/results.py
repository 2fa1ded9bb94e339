"""Results of sending events and labels."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EventResult:
    """Result of a stored event: `status` is `accepted`, or `duplicate` if it was already stored."""

    event_id: str
    status: str
    request_id: str


@dataclass(frozen=True)
class RowError:
    """Reason of a rejected row; `index` counts from the first row of the whole batch."""

    index: int
    field: str
    reason: str


@dataclass(frozen=True)
class BatchResult:
    """Counts over all requests of a batch: rows sent = accepted + duplicates + rejected."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    errors: tuple[RowError, ...] = ()
    request_ids: tuple[str, ...] = ()

    def __add__(self, other: "BatchResult") -> "BatchResult":
        return BatchResult(
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            self.rejected + other.rejected,
            self.errors + other.errors,
            self.request_ids + other.request_ids,
        )

    @classmethod
    def from_answer(cls, answer: dict[str, Any], *, first_row: int, request_id: str) -> "BatchResult":
        """Read the response to one request, whose row indexes count from `first_row`."""
        errors = (
            RowError(first_row + int(error["index"]), str(error["field"]), str(error["reason"]))
            for error in answer.get("errors", ())
        )
        return cls(answer["accepted"], answer["duplicates"], answer["rejected"], tuple(errors), (request_id,))


@dataclass(frozen=True)
class DeliveryStats:
    """What has become of the rows of a background client.

    Attributes
    ----------
    queued : rows that wait, or are being sent.
    sent : rows that the server has stored, or had already.
    rejected : rows that the server rejected, each with a reason.
    dropped : rows lost here, by reason: `queue_full`, `invalid` (cannot be encoded), `refused` (the server refuses the whole
        request), `failed` (of the disk), `closed` (not sent before the end).
    last_error : the last rejection, refusal or failure.
    """

    queued: int
    sent: int
    rejected: int
    dropped: dict[str, int]
    last_error: str | None
