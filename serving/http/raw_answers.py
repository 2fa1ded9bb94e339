"""What the raw routes of rows have in common: their query, their answers.

What a row is, and storing it, belong to each route's own schema and service.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.types import Scope, Send

from serving.http.problems import Unprocessable
from serving.ingest.events.service import Receipt
from serving.ingest.row_schema import RowError

_ERRORS_LISTED = 100


def summary(receipt: Receipt, n: int) -> dict[str, Any]:
    """What became of a batch of `n` rows."""
    counts: dict[str, Any] = {
        "accepted": receipt.outcome.accepted,
        "duplicates": len(receipt.outcome.duplicates),
        "rejected": len(receipt.errors),
        **listed(receipt.errors),
    }
    if receipt.made_ids:
        ids: list[str | None] = [None] * n
        for place, row in zip(receipt.places, receipt.rows, strict=True):
            ids[place] = row.event_id
        counts["event_ids"] = ids
    return counts


def listed(errors: Sequence[RowError]) -> dict[str, Any]:
    """The first errors, and how many more there are."""
    listed = [{"index": e.index, "field": e.field, "reason": e.reason} for e in errors[:_ERRORS_LISTED]]
    more = len(errors) - len(listed)
    return {"errors": listed, "errors_not_listed": more} if more else {"errors": listed}


def is_atomic(scope: Scope) -> bool:
    """Whether all rows or none are wanted.

    Raises
    ------
    Unprocessable
        Where the query says something else.
    """
    given = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    value: str = given.pop("atomic", ["false"])[-1]
    if given:
        raise Unprocessable(f"There is no parameter {min(given)[:80]!r}: the only one is atomic=true or atomic=false.")
    if value not in {"true", "false"}:
        raise Unprocessable("Parameter atomic must be true or false.")
    return value == "true"


def request_id(scope: Scope) -> str:
    """Id of a request."""
    found: str = scope["state"]["request_id"]
    return found


json_bytes = msgspec.json.Encoder().encode


async def send_json(send: Send, status: int, answer: dict[str, Any]) -> None:
    """Answer with JSON."""
    await send_body(send, status, json_bytes(answer))


async def send_body(send: Send, status: int, body: bytes) -> None:
    """Answer with JSON that is bytes already."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def refuse_atomic(receipt: Receipt, n: int) -> None:
    """Where a row of an atomic batch is bad, all are refused.

    Raises
    ------
    Unprocessable
        With the errors.
    """
    if receipt.errors:
        raise Unprocessable(
            f"{len(receipt.errors)} of {n} rows are bad and atomic=true: nothing was stored.", **listed(receipt.errors)
        )
