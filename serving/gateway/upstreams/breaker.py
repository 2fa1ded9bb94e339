"""A circuit breaker: after repeated failures an upstream gets no requests for a while, then a single trial request."""

import time
from collections.abc import Callable


class Breaker:
    """Opens after a number of consecutive failures.

    Parameters
    ----------
    failures : consecutive failures that open the circuit.
    open_s : seconds until a trial request is allowed.
    """

    def __init__(self, failures: int = 5, open_s: float = 15.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_failures = failures
        self._open_s = open_s
        self._clock = clock
        self._failures = 0
        self._retry_at = 0.0

    @property
    def allows(self) -> bool:
        """Whether a request may be sent; returning True for a trial blocks others until the trial ends or `open_s` has passed."""
        if self._failures < self._max_failures:
            return True
        if self._clock() < self._retry_at:
            return False
        self._retry_at = self._clock() + self._open_s
        return True

    @property
    def wait_s(self) -> float:
        """Return the seconds until the next trial."""
        return max(0.0, self._retry_at - self._clock()) if self._failures >= self._max_failures else 0.0

    def record_success(self) -> None:
        """Close the circuit."""
        self._failures = 0

    def record_failure(self) -> None:
        """Count a failure; open the circuit if there are too many in a row."""
        self._failures += 1
        if self._failures >= self._max_failures:
            self._retry_at = self._clock() + self._open_s
