"""A call that may hang, such as one to a database that does not answer, with a limit of the time that its callers wait."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class TimedCall(Generic[T]):
    """Runs a function in a thread of its own, once at a time: callers that arrive meanwhile wait for the same call.

    A hanging call takes no thread of the event loop's executor, and does not keep the process from ending.

    Parameters
    ----------
    timeout_s : seconds that a caller waits.
    """

    def __init__(self, function: Callable[[], T], *, timeout_s: float) -> None:
        self._function = function
        self._timeout_s = timeout_s
        self._pending: Future[T] | None = None

    async def run(self) -> T:
        """Return the result of the function.

        Raises
        ------
        TimeoutError
            If it takes longer; the call goes on.
        """
        pending = self._pending
        if pending is None or pending.done():
            pending = self._pending = Future()
            threading.Thread(target=self._run, args=(pending,), name="timed-call", daemon=True).start()
        done, _ = await asyncio.wait({asyncio.wrap_future(pending)}, timeout=self._timeout_s)
        if not done:
            raise TimeoutError
        return pending.result()

    def _run(self, pending: "Future[T]") -> None:
        try:
            result = self._function()
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            pending.set_exception(error)
        else:
            pending.set_result(result)
