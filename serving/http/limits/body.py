"""Limits of a body: the time until it has arrived, and the depth of its JSON."""

import asyncio
import time
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, Final

from starlette.types import Message, Receive

from serving.http.problems import RequestTimeout

MAX_DEPTH: Final = 64
"""Levels of nested lists and objects."""


class TimedReceive:
    """`receive` of a request with a time limit for the body; messages after the body have none."""

    __slots__ = ("_deadline", "_receive", "_timeout_s")

    def __init__(self, receive: Receive, timeout_s: float) -> None:
        self._receive = receive
        self._timeout_s = timeout_s
        self._deadline: float | None = time.monotonic() + timeout_s

    async def __call__(self) -> Message:
        """Return the next message.

        Raises
        ------
        RequestTimeout
            If the body has not arrived in time.
        """
        if self._deadline is None:
            return await self._receive()
        receiving: Any = self._receive()
        try:
            awaitable = receiving.send(None)
        except StopIteration as stop:  # most bodies have arrived already: a timer would cost more than all the rest
            message: Message = stop.value
        else:
            message = await self._wait(receiving, awaitable, self._deadline)
        if not message.get("more_body", False):
            self._deadline = None
        return message

    async def _wait(self, receiving: Coroutine[Any, Any, Message], awaitable: Any, deadline: float) -> Message:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await _resume(receiving, awaitable)
        except TimeoutError:
            raise RequestTimeout(f"The body did not arrive within {self._timeout_s:g} s.") from None


@coroutine
def _resume(receiving: Coroutine[Any, Any, Message], awaitable: Any) -> Generator[Any, Any, Message]:
    """Run a coroutine that is suspended at its first await to its end, and return its result."""
    try:
        while True:
            try:
                yield awaitable
            except BaseException as error:  # noqa: BLE001 - above all a cancellation, which the coroutine must handle
                awaitable = receiving.throw(error)
            else:
                awaitable = receiving.send(None)
    except StopIteration as stop:
        message: Message = stop.value
        return message


def is_too_deep(value: Any, max_depth: int = MAX_DEPTH) -> bool:
    """Return whether JSON is nested deeper than `max_depth` levels."""
    if not isinstance(value, (dict, list)):
        return False
    items = value.values() if isinstance(value, dict) else value
    return max_depth == 0 or any(is_too_deep(item, max_depth - 1) for item in items if isinstance(item, (dict, list)))
