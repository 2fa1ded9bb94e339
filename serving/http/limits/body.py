"""How long a body may take to arrive, and how deep its JSON may be nested."""

import asyncio
import time
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, Final

from starlette.types import Message, Receive

from serving.http.problems import RequestTimeout

MOST_DEPTH: Final = 64
"""Levels of lists and objects within each other."""


class BodyInTime:
    """`receive` of a request whose body must be there in time; what comes after the body may take as long as it likes."""

    __slots__ = ("_deadline", "_receive", "_timeout_s")

    def __init__(self, receive: Receive, timeout_s: float) -> None:
        self._receive = receive
        self._timeout_s = timeout_s
        self._deadline: float | None = time.monotonic() + timeout_s

    async def __call__(self) -> Message:
        """The next message.

        Raises
        ------
        RequestTimeout
            Where the body is not there in time.
        """
        if self._deadline is None:
            return await self._receive()
        receiving: Any = self._receive()
        try:
            waits_for = receiving.send(None)
        except StopIteration as done:  # most bodies are here already: a timer would cost more than the rest
            message: Message = done.value
        else:
            message = await self._waited(receiving, waits_for, self._deadline)
        if not message.get("more_body", False):
            self._deadline = None
        return message

    async def _waited(self, receiving: Coroutine[Any, Any, Message], waits_for: Any, deadline: float) -> Message:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await _rest(receiving, waits_for)
        except TimeoutError:
            raise RequestTimeout(f"The body did not arrive within {self._timeout_s:g} s.") from None


@coroutine
def _rest(begun: Coroutine[Any, Any, Message], waits_for: Any) -> Generator[Any, Any, Message]:
    """The result of a coroutine that has run until its first wait."""
    try:
        while True:
            try:
                yield waits_for
            except BaseException as error:  # noqa: BLE001 - a cancellation above all; it is the coroutine's to answer
                waits_for = begun.throw(error)
            else:
                waits_for = begun.send(None)
    except StopIteration as done:
        message: Message = done.value
        return message


def is_too_deep(value: Any, left: int = MOST_DEPTH) -> bool:
    """Whether JSON is nested deeper than `left` levels."""
    if not isinstance(value, dict | list):
        return False
    items = value.values() if isinstance(value, dict) else value
    return left == 0 or any(is_too_deep(item, left - 1) for item in items if isinstance(item, dict | list))
