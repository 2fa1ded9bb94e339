"""A research as server-sent events: `step` for each step, then `result`, or `error` where it is too late for a status."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import msgspec

from serving.assistant.research.run import Tell
from serving.assistant.research.schemas import ResearchAnswer
from serving.http.problems import Problem, unexpected

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
Event = tuple[str, Any]


async def begun(research: Callable[[Tell], Awaitable[ResearchAnswer]], request_id: str) -> AsyncIterator[bytes]:
    """The events of a research that has begun.

    Raises
    ------
    Problem
        Where it ends before its first step: the answer has a status then.
    """
    events: asyncio.Queue[Event] = asyncio.Queue()

    async def tell(told: Any) -> None:
        await events.put(("step", told))

    async def work() -> None:
        try:
            answer = await research(tell)
            await events.put(("result", msgspec.Raw(answer.model_dump_json().encode())))
        except Problem as problem:
            await events.put(("error", problem))
        except Exception:  # noqa: BLE001 - half an answer is out: it must say that it broke
            _log.exception("a streamed research failed unexpectedly")
            await events.put(("error", unexpected()))

    task = asyncio.create_task(work())
    try:
        first = await events.get()
    except asyncio.CancelledError:
        task.cancel()
        raise
    if first[0] == "error":
        raise first[1]
    return _written(first, events, task, request_id)


async def _written(
    first: Event, events: "asyncio.Queue[Event]", task: "asyncio.Task[None]", request_id: str
) -> AsyncIterator[bytes]:
    event = first
    try:
        while True:
            name, value = event
            if isinstance(value, Problem):
                value = {"status": value.status, "title": value.title, "detail": value.detail, "request_id": request_id}
            yield b"event: " + name.encode() + b"\ndata: " + _encode(value) + b"\n\n"
            if name != "step":
                return
            event = await events.get()
    finally:  # whoever reads no more wants nothing done either
        task.cancel()
        with anyio.CancelScope(shield=True):  # what it did is settled before the request goes on record
            await asyncio.gather(task, return_exceptions=True)
