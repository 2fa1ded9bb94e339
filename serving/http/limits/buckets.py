"""Token buckets in memory: one number for each name, and never more names than there is room for.

Who is limited to what is `rates`.
"""

import math
import time
from collections.abc import Callable

_MOST_NAMES = 20_000


class Buckets:
    """Buckets of one kind: full at first, filled at a steady rate.

    What is kept of a name is the instant at which its bucket will be full again (the generic cell rate algorithm).

    Parameters
    ----------
    per_s : tokens a second that come back.
    burst : tokens of a full bucket.
    """

    def __init__(
        self,
        per_s: float,
        burst: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        most_names: int = _MOST_NAMES,
    ) -> None:
        self._interval_s = 1 / per_s
        self._room_s = max(burst - 1, 0) / per_s
        self._clock = clock
        self._most_names = most_names
        self._full_at: dict[str, float] = {}

    def __len__(self) -> int:
        """Names that are kept."""
        return len(self._full_at)

    def take(self, name: str) -> int:
        """Take a token; 0 where there was one, else whole seconds until there is."""
        now = self._clock()
        full_at = self._full_at.get(name)
        if full_at is None:
            if len(self._full_at) >= self._most_names:
                self._make_room(now)
            full_at = now
        elif full_at < now:
            full_at = now
        elif full_at - now > self._room_s:
            return self._seconds(full_at - now)
        self._full_at[name] = full_at + self._interval_s
        return 0

    def wait_s(self, name: str) -> int:
        """What `take` would return, without taking."""
        full_at = self._full_at.get(name)
        if full_at is None:
            return 0
        missing_s = full_at - self._clock()
        return self._seconds(missing_s) if missing_s > self._room_s else 0

    def _seconds(self, missing_s: float) -> int:
        return max(1, math.ceil(missing_s - self._room_s))

    def _make_room(self, now: float) -> None:
        """Forget full buckets; where none is, the half that has taken least."""
        kept = {name: at for name, at in self._full_at.items() if at > now}
        if len(kept) > self._most_names // 2:
            emptiest = sorted(kept, key=kept.__getitem__)[-(self._most_names // 2) :]
            kept = {name: kept[name] for name in emptiest}
        self._full_at = kept
