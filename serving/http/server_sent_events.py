"""The format of server-sent events, for every route that streams."""

import json
from typing import Any, Final

import msgspec

from serving.http.problems import Problem

MEDIA_TYPE: Final = "text/event-stream; charset=utf-8"
HEADERS: Final = {"X-Accel-Buffering": "no"}
"""Headers of every stream: a proxy must not buffer events."""
RAW_HEADERS: Final = [(b"content-type", MEDIA_TYPE.encode()), (b"x-accel-buffering", b"no")]
KEEP_ALIVE: Final = b": \n\n"
"""A comment, which clients ignore."""

_encode = msgspec.json.Encoder().encode


def format_event(data: Any, name: str | None = None) -> bytes:
    r"""Format an event; `data` is encoded as JSON, except for bytes.

    >>> format_event({"text": "Hi"}, "text")
    b'event: text\ndata: {"text":"Hi"}\n\n'
    """
    body = data if isinstance(data, bytes) else encode_data(data)
    head = b"" if name is None else b"event: " + name.encode() + b"\n"
    return head + b"data: " + body + b"\n\n"


def encode_data(data: Any) -> bytes:
    """Encode the data of an event as JSON."""
    try:
        return _encode(data)
    except UnicodeEncodeError:  # half a surrogate pair, which JSON holds only as an escape
        return json.dumps(data).encode()


def format_problem(problem: Problem, request_id: str) -> bytes:
    """Format the event `error`, for a problem after the status has been sent."""
    data = {"status": problem.status, "title": problem.title, "detail": problem.detail, "request_id": request_id}
    return format_event(data, "error")
