"""Token buckets in memory: one number for each name, and a bounded number of names.

The rates themselves are `rates`.
"""

import math
import time
from collections.abc import Callable

_MAX_NAMES = 20_000


class Buckets:
    """Buckets with the same rate: full at first, refilled at a steady rate.

    The state of a bucket is the instant at which it will be full again (the generic cell rate algorithm).

    Parameters
    ----------
    per_s : tokens that a bucket regains a second.
    burst : tokens of a full bucket.
    max_names : names of which the state is kept; beyond that, the fullest buckets are dropped first.
    """

    def __init__(
        self,
        per_s: float,
        burst: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_names: int = _MAX_NAMES,
    ) -> None:
        self._interval_s = 1 / per_s
        self._room_s = max(burst - 1, 0) / per_s
        self._clock = clock
        self._max_names = max_names
        self._full_at: dict[str, float] = {}

    def __len__(self) -> int:
        """Return the number of names with a state."""
        return len(self._full_at)

    def take(self, name: str) -> int:
        """Take a token; return 0 if there was one, else the whole seconds until there will be."""
        now = self._clock()
        full_at = self._full_at.get(name)
        if full_at is None:
            if len(self._full_at) >= self._max_names:
                self._make_room(now)
            full_at = now
        elif full_at < now:
            full_at = now
        elif full_at - now > self._room_s:
            return self._seconds(full_at - now)
        self._full_at[name] = full_at + self._interval_s
        return 0

    def wait_s(self, name: str) -> int:
        """Return the result of `take` without taking a token."""
        full_at = self._full_at.get(name)
        if full_at is None:
            return 0
        missing_s = full_at - self._clock()
        return self._seconds(missing_s) if missing_s > self._room_s else 0

    def _seconds(self, missing_s: float) -> int:
        return max(1, math.ceil(missing_s - self._room_s))

    def _make_room(self, now: float) -> None:
        """Drop full buckets; if too many remain, keep the emptiest half."""
        full_at = {name: at for name, at in self._full_at.items() if at > now}
        if len(full_at) > self._max_names // 2:
            emptiest = sorted(full_at, key=full_at.__getitem__)[-(self._max_names // 2) :]
            full_at = {name: full_at[name] for name in emptiest}
        self._full_at = full_at
