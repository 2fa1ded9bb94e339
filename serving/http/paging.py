"""Pages by cursor: where the next page begins, opaque to the caller, and why a first page is empty."""

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
    """Some items, and how to get the next ones."""

    items: list[Item]
    next_cursor: str | None = Field(description="Cursor of the next page; null where this is the last one.")
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
    """The page of up to `limit` rows, of which one more was asked for to know whether there are more.

    Parameters
    ----------
    position : what the cursor keeps of the last row.
    state : asked only where there are no rows.
    """
    shown = rows[:limit]
    next_cursor = encode_cursor(position(shown[-1])) if len(rows) > limit else None
    explained = "ok" if rows or state is None else state()
    return Page(items=[item(row) for row in shown], next_cursor=next_cursor, state=explained)


def encode_cursor(position: object) -> str:
    """The cursor of a position."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def decode_cursor(cursor: str | None, kind: type[Position], start: Position) -> Position:
    """The position of a cursor; `start` without one.

    Raises
    ------
    Unprocessable
        Where the cursor is not one of ours.
    """
    if cursor is None:
        return start
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=kind)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        reason = "is not a cursor of this route; leave it out to begin at the first page"
        raise Unprocessable(f"cursor: {reason}", errors=[{"field": "cursor", "reason": reason}]) from None
