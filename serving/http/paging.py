"""Pages by cursor: an opaque position at which the next page begins, and a state that explains an empty page.

With `fields=day,drifted` the items of a page have these fields only, so that a page of large items can be small.
"""

import base64
import binascii
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar, get_args

import msgspec
from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from guard_core.suggestions import suggest
from serving.http.problems import Unprocessable

Item = TypeVar("Item")
Source = TypeVar("Source")
Position = TypeVar("Position")

Limit = Annotated[int, Query(ge=1, le=1000, description="Items of a page at most.")]
Fields = Annotated[
    str | None, Query(description="Names of the fields that items shall have, separated by commas; all by default.")
]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before.")]

_SELECTED: Final = "selected_fields"


class Page(BaseModel, Generic[Item]):
    """A page of items."""

    items: list[Item]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last page.")
    state: str = Field(
        "ok", description="Why there are no items (`no_events`, `not_processed`, `missing_baseline`, …); else `ok`."
    )

    @classmethod
    def whole(cls, items: Iterable[Item], *, empty: str = "ok") -> "Page[Item]":
        """Return the only page of a list that is always short; `empty` is the state without items."""
        items = list(items)
        return cls(items=items, next_cursor=None, state="ok" if items else empty)


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


class _RawPage(msgspec.Struct):
    items: list[dict[str, msgspec.Raw]]
    next_cursor: msgspec.Raw
    state: msgspec.Raw


def listed_fields(endpoint: Callable[..., Any]) -> tuple[str, ...]:
    """Return the fields of the items that an endpoint lists; none if it returns no `Page`."""
    returned = inspect.signature(endpoint, eval_str=True).return_annotation
    if not (inspect.isclass(returned) and issubclass(returned, Page)):
        return ()
    item: type[BaseModel] = get_args(returned.model_fields["items"].annotation)[0]
    return (*item.model_fields, *item.model_computed_fields)


def selection_of(available: tuple[str, ...]) -> Callable[..., Awaitable[None]]:
    """Return the dependency that reads the query parameter `fields` of a list whose items have these fields."""

    async def read_selection(request: Request, fields: Fields = None) -> None:
        if fields is None:
            return
        names = [name.strip() for name in fields.split(",")]
        for name in names:
            if name not in available:
                reason = f"items have no {name!r}; they have {', '.join(available)}.{suggest(name, available)}"
                raise Unprocessable(f"fields: {reason}", errors=[{"field": "fields", "reason": reason}])
        request.scope["state"][_SELECTED] = frozenset(names)

    return read_selection


def select_fields(request: Request, response: Response) -> Response:
    """Return the response of a list, with only the fields that the request selects."""
    fields: frozenset[str] | None = request.scope["state"].get(_SELECTED)
    if fields is not None:
        page = msgspec.json.decode(response.body, type=_RawPage)
        page.items = [{name: value for name, value in item.items() if name in fields} for item in page.items]
        response.body = msgspec.json.encode(page)
        response.headers["content-length"] = str(len(response.body))
    return response
