"""A circuit breaker: whoever fails again and again is left alone for a while, then tried by one request."""

import time
from collections.abc import Callable


class Breaker:
    """Counts failures in a row.

    Parameters
    ----------
    failures : in a row that open the circuit.
    open_s : seconds until one request may try again.
    """

    def __init__(self, failures: int = 5, open_s: float = 15.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = failures
        self._open_s = open_s
        self._clock = clock
        self._failures = 0
        self._closed_at = 0.0

    @property
    def allows(self) -> bool:
        """Whether a request may go; where it is a trial, no other may before it is known how that went."""
        if self._failures < self._most:
            return True
        if self._clock() < self._closed_at:
            return False
        self._closed_at = self._clock() + self._open_s
        return True

    @property
    def wait_s(self) -> float:
        """Seconds until the next trial."""
        return max(0.0, self._closed_at - self._clock()) if self._failures >= self._most else 0.0

    def succeeded(self) -> None:
        """The upstream works."""
        self._failures = 0

    def failed(self) -> None:
        """The upstream did not answer as it should."""
        self._failures += 1
        if self._failures >= self._most:
            self._closed_at = self._clock() + self._open_s
