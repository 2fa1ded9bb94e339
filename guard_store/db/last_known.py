"""Values that are read from the database every few seconds; while it cannot be read, the last known ones for a bounded time.

For what every request needs, such as its key: predictions need the database for nothing else before they are answered.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, Generic, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from guard_core.ttl_cache import TtlCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

DATABASE_ERRORS = (OperationalError, NoConnectionError)
"""Errors of a database that cannot be reached, or does not answer."""

_log = logging.getLogger(__name__)
_PATIENCE_S = 0.25  # that a caller waits for a new value if there is a known one
_TIMEOUT_S = 5.0  # that a caller waits if there is none
_RETRY_S = 1.0
_MAX_LOOK_UPS = 8  # at once: each has a thread, which hangs as long as the database does


class LastKnown(Generic[K, V]):
    """Values by key, for the event loop.

    Parameters
    ----------
    look_up : reads the values of keys from the database, in a thread; keys that do not exist are left out.
    ttl_s : seconds for which a value is used before it is looked up again.
    outage_s : seconds for which it is used beyond that while the database cannot be read.
    what : the values in words, for the log.
    """

    def __init__(
        self, look_up: Callable[[Collection[K]], Mapping[K, V]], *, ttl_s: float, outage_s: float, what: str
    ) -> None:
        self._look_up = look_up
        self._outage_s = outage_s
        self._what = what
        self._cache: TtlCache[K, V] = TtlCache(ttl_s)
        self._look_ups: dict[K, _LookUp[K, V]] = {}
        self._silent_since: float | None = None
        self._retry_at = 0.0

    def get(self, key: K) -> V | None:
        """Return a value that need not be looked up, if there is one."""
        return self._cache.get(key)

    async def find(self, keys: Collection[K]) -> dict[K, V]:
        """Return the values of keys; those that do not exist are left out.

        Raises
        ------
        OperationalError, NoConnectionError
            If the database cannot be read, and a value is not known or too old.
        """
        values, expired = {}, []
        for key in keys:
            value = self._cache.get(key)
            if value is None:
                expired.append(key)
            else:
                values[key] = value
        return values | await self._find_expired(expired) if expired else values

    def forget(self, is_outdated: Callable[[V], bool]) -> None:
        """Forget values that are known to have changed; the next caller looks them up."""
        self._cache.discard_values(is_outdated)

    @property
    def silent_s(self) -> float | None:
        """Seconds for which the database could not be read and last known values have been used; None if it can be read."""
        return None if self._silent_since is None else time.monotonic() - self._silent_since

    async def _find_expired(self, keys: Collection[K]) -> dict[K, V]:
        now = time.monotonic()
        known = self._known(keys, now)
        if len(known) < len(keys):
            return await self._wait(self._start(keys), keys, _TIMEOUT_S)
        if now < self._retry_at:
            return known
        try:
            look_ups = self._start(keys)
            waited_s = now - min(look_up.started_at for look_up in look_ups)
            return await self._wait(look_ups, keys, max(0.0, _PATIENCE_S - waited_s))
        except DATABASE_ERRORS:
            self._note_silence()
            return known

    def _known(self, keys: Collection[K], now: float) -> dict[K, V]:
        entries = {key: entry for key in keys if (entry := self._cache.entry(key)) is not None}
        return {key: value for key, (expired_at, value) in entries.items() if expired_at + self._outage_s > now}

    def _start(self, keys: Collection[K]) -> "set[_LookUp[K, V]]":
        """Return the look-ups under way that the keys need; the keys of none share a new one."""
        new = [key for key in keys if key not in self._look_ups]
        if new:
            if len(set(self._look_ups.values())) >= _MAX_LOOK_UPS:
                raise NoConnectionError(f"{_MAX_LOOK_UPS} look-ups of {self._what} wait for the database")
            look_up = _LookUp(self._look_up, new)
            self._look_ups.update(dict.fromkeys(new, look_up))
            look_up.future.add_done_callback(lambda _: self._end(look_up))
        return {self._look_ups[key] for key in keys}

    async def _wait(self, look_ups: "set[_LookUp[K, V]]", keys: Collection[K], seconds: float) -> dict[K, V]:
        done, late = await asyncio.wait({look_up.future for look_up in look_ups}, timeout=seconds)
        values = {key: value for future in done for key, value in future.result().items()}
        if late:
            raise NoConnectionError(f"the database has not answered for {seconds:.2f} seconds")
        self._note_answer()
        return {key: values[key] for key in keys if key in values}

    def _end(self, look_up: "_LookUp[K, V]") -> None:
        for key in look_up.keys:
            del self._look_ups[key]
        if look_up.future.exception() is not None:
            return
        values = look_up.future.result()
        for key in look_up.keys:
            if key in values:
                # Relative to the start, so that a key that is revoked meanwhile works no longer than the setting allows.
                self._cache.put(key, values[key], expires_at=look_up.started_at + self._cache.ttl_s)
            else:
                self._cache.discard(key)

    def _note_silence(self) -> None:
        self._retry_at = time.monotonic() + _RETRY_S
        if self._silent_since is None:
            self._silent_since = time.monotonic()
            _log.error("the database cannot be read: %s are used as last known", self._what)

    def _note_answer(self) -> None:
        if self._silent_since is not None:
            _log.warning("the database can be read again, after %.0f s", time.monotonic() - self._silent_since)
            self._silent_since = None


class _LookUp(Generic[K, V]):
    """One look-up, in a thread of its own that does not keep the process from ending."""

    def __init__(self, look_up: Callable[[Collection[K]], Mapping[K, V]], keys: Collection[K]) -> None:
        self.keys = keys
        self.started_at = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Mapping[K, V]] = self._loop.create_future()
        threading.Thread(target=self._run, args=(look_up,), name="last-known", daemon=True).start()

    def _run(self, look_up: Callable[[Collection[K]], Mapping[K, V]]) -> None:
        try:
            values = look_up(self.keys)
        except BaseException as error:  # noqa: BLE001 - the callers get it
            self._tell(self.future.set_exception, error)
        else:
            self._tell(self.future.set_result, values)

    def _tell(self, set_outcome: Callable[[Any], None], outcome: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop has ended meanwhile: nobody waits
            self._loop.call_soon_threadsafe(set_outcome, outcome)
