"""Pages by cursor: an opaque position at which the next page begins, and a state that explains an empty page."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel, Field

from serving.http.problems import Unprocessable

Item = TypeVar("Item")
Source = TypeVar("Source")
Position = TypeVar("Position")

Limit = Annotated[int, Query(ge=1, le=1000, description="Items of a page at most.")]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before.")]


class Page(BaseModel, Generic[Item]):
    """A page of items."""

    items: list[Item]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last page.")
    state: str = Field(
        "ok", description="Why there are no items (`no_events`, `not_processed`, `missing_baseline`, …); else `ok`."
    )


def page_of(
    rows: Sequence[Source],
    limit: int,
    *,
    position: Callable[[Source], object],
    item: Callable[[Source], Item],
    state: Callable[[], str] | None = None,
) -> Page[Item]:
    """Make the page of up to `limit` rows; the caller queries one row more, which shows whether there is a next page.

    Parameters
    ----------
    position : returns the position of a row, for the cursor.
    item : converts a row.
    state : called only if there are no rows; returns the reason.
    """
    page_rows = rows[:limit]
    next_cursor = encode_cursor(position(page_rows[-1])) if len(rows) > limit else None
    page_state = "ok" if rows or state is None else state()
    return Page(items=[item(row) for row in page_rows], next_cursor=next_cursor, state=page_state)


def encode_cursor(position: object) -> str:
    """Encode a position as a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def decode_cursor(cursor: str | None, kind: type[Position], start: Position) -> Position:
    """Decode the position of a cursor; `start` without one.

    Raises
    ------
    Unprocessable
        If the cursor is not a valid one.
    """
    if cursor is None:
        return start
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=kind)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        reason = "is not a cursor of this route; leave it out to begin at the first page"
        raise Unprocessable(f"cursor: {reason}", errors=[{"field": "cursor", "reason": reason}]) from None
