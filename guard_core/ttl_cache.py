"""A cache with a time to live: keeps results of look-ups in the process for some seconds.

When and how to look up again is up to the caller. Decision 0024 records why this is not cachetools.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from itertools import islice
from threading import Lock
from typing import Generic, TypeVar, overload

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
D = TypeVar("D")

MAX_ENTRIES = 10_000


class TtlCache(Generic[K, V]):
    """Values by key, each until its own instant; threads may share it, and reads take no lock.

    Parameters
    ----------
    ttl_s : seconds for which a value is valid after `put`; 0 disables the cache.
    max_entries : if exceeded, the entry that was put first is dropped.

    Examples
    --------
    >>> zones: TtlCache[str, str] = TtlCache(60)
    >>> zones.put("shop", "Europe/Berlin")
    >>> zones.get("shop"), zones.get("bank")
    ('Europe/Berlin', None)
    """

    __slots__ = ("_entries", "_lock", "_max_entries", "ttl_s")

    def __init__(self, ttl_s: float, max_entries: int = MAX_ENTRIES) -> None:
        self.ttl_s = ttl_s
        self._max_entries = max_entries
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._lock = Lock()

    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: D) -> V | D: ...
    def get(self, key: K, default: D | None = None) -> V | D | None:
        """Return the value of a key, or the default if there is none or it has expired."""
        entry = self._entries.get(key)
        return entry[1] if entry is not None and entry[0] > time.monotonic() else default

    def entry(self, key: K) -> tuple[float, V] | None:
        """Return the time of expiry and the value of a key, expired or not, for callers that can use a stale value."""
        return self._entries.get(key)

    def expired_keys(self, most: int) -> list[K]:
        """Return keys whose values have expired, those that were put last first."""
        now = time.monotonic()
        with self._lock:
            return list(islice((key for key, (until, _) in reversed(self._entries.items()) if until <= now), most))

    def put(self, key: K, value: V, *, expires_at: float | None = None) -> None:
        """Store a value for `ttl_s` seconds, or until an instant of the monotonic clock."""
        entry = (time.monotonic() + self.ttl_s if expires_at is None else expires_at, value)
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)

    def discard(self, key: K) -> None:
        """Remove a key if it is present."""
        with self._lock:
            self._entries.pop(key, None)

    def discard_values(self, is_stale: Callable[[V], bool]) -> None:
        """Remove every key whose value is stale."""
        with self._lock:
            for key in [key for key, (_, value) in self._entries.items() if is_stale(value)]:
                del self._entries[key]
