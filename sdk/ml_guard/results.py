"""Results of requests: of sending events and labels, and rows that the API lists."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class Rows(list[dict[str, Any]]):
    """Rows of the API's JSON, such as one for each local day: a list, which can become a data frame."""

    def to_frame(self, member: str | None = None) -> "pd.DataFrame":
        """Return a data frame of pandas, with nested values as columns such as `summary.drift`.

        With `member`, which is a list or mapping in each row, there is a row for each of its items instead, beside the row's own
        plain values; keys of a mapping are the column `name`. Of drift reports, `to_frame("features")` has the verdicts.

        Raises
        ------
        ImportError
            If pandas is not installed.
        KeyError
            If a row has no such member.
        """
        try:
            import pandas as pd
        except ImportError:
            raise ImportError("to_frame: needs pandas, which is not installed: pip install pandas") from None
        return pd.json_normalize(list(self) if member is None else list(self._items_of(member)))

    def _items_of(self, member: str) -> Iterator[dict[str, Any]]:
        for row in self:
            if member not in row:
                raise KeyError(f"member: {member!r} is not in the row; there are {', '.join(row)}")
            plain = {name: value for name, value in row.items() if not isinstance(value, (dict, list))}
            items = row[member]
            if isinstance(items, Mapping):
                yield from ({**plain, "name": name, member: item} for name, item in items.items())
            else:
                yield from ({**plain, member: item} for item in items or ())


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
