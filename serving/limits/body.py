"""How long a body may take to arrive, and how deep its JSON may be nested."""

import asyncio
import time
from typing import Any, Final

from starlette.types import Message, Receive

from serving.errors import RequestTimeout

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
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout(f"The body did not arrive within {self._timeout_s:g} s.") from None
        if not message.get("more_body", False):
            self._deadline = None
        return message


def is_too_deep(value: Any, left: int = MOST_DEPTH) -> bool:
    """Whether JSON is nested deeper than `left` levels."""
    if isinstance(value, dict):
        return left == 0 or any(is_too_deep(item, left - 1) for item in value.values())
    if isinstance(value, list):
        return left == 0 or any(is_too_deep(item, left - 1) for item in value)
    return False
