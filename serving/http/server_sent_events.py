"""Server-sent events as bytes: the one place that formats them, for every route that streams."""

from typing import Any, Final

import msgspec

from serving.http.problems import Problem

MEDIA_TYPE: Final = "text/event-stream; charset=utf-8"
HEADERS: Final = {"X-Accel-Buffering": "no"}
"""Of every stream: proxies must pass events on at once."""
RAW_HEADERS: Final = [(b"content-type", MEDIA_TYPE.encode()), (b"x-accel-buffering", b"no")]
KEEP_ALIVE: Final = b": \n\n"
"""A comment, which clients skip."""

_encode = msgspec.json.Encoder().encode


def format_event(data: Any, name: str | None = None) -> bytes:
    r"""Format an event; `data` becomes JSON, bytes go out as they are.

    >>> format_event({"text": "Hi"}, "text")
    b'event: text\ndata: {"text":"Hi"}\n\n'
    """
    body = data if isinstance(data, bytes) else _encode(data)
    head = b"" if name is None else b"event: " + name.encode() + b"\n"
    return head + b"data: " + body + b"\n\n"


def format_problem(problem: Problem, request_id: str) -> bytes:
    """Format the event `error`, for a problem that came too late for a status."""
    data = {"status": problem.status, "title": problem.title, "detail": problem.detail, "request_id": request_id}
    return format_event(data, "error")
