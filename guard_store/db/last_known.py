"""Values that are read from the database every few seconds; while it cannot be read, the last known ones for a bounded time.

For what every request needs, such as its key: predictions need the database for nothing else before they are answered.
Each look-up also refreshes other values that have expired, so that all of them are as new as the last answer of the database.
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
_CONFIRMED_S = (
    300.0  # before an outage, within which a value must have been confirmed: older ones may have changed since
)
_REFRESHED = 500  # expired values that are looked up with those that a caller needs
_MAX_HANGING = 8  # look-ups: each has a thread, which hangs as long as the database does


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
        self._current: _LookUp[K, V] | None = None
        self._next: _LookUp[K, V] | None = None  # collects keys until the current one has ended
        self._hanging = 0
        self._generation = 0
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
        self._generation += 1  # what is being looked up may have been read before the change
        self._cache.discard_values(is_outdated)

    @property
    def silent_s(self) -> float | None:
        """Seconds for which the database could not be read and last known values have been used; None if it can be read."""
        return None if self._silent_since is None else time.monotonic() - self._silent_since

    async def _find_expired(self, keys: Collection[K]) -> dict[K, V]:
        now = time.monotonic()
        last_known = self._last_known(keys, now)
        if len(last_known) < len(keys):
            return await self._wait(self._join(keys, now), keys, _TIMEOUT_S)
        if now < self._retry_at:
            return last_known
        try:
            look_up = self._join(keys, now)
            waited_s = 0.0 if look_up.started_at is None else now - look_up.started_at
            return await self._wait(look_up, keys, max(0.0, _PATIENCE_S - waited_s))
        except DATABASE_ERRORS:
            self._note_silence()
            return last_known

    def _last_known(self, keys: Collection[K], now: float) -> dict[K, V]:
        """Return the values that may be used although they have expired."""
        oldest = max(now - self._outage_s, (self._silent_since or now) - _CONFIRMED_S)
        entries = {key: entry for key in keys if (entry := self._cache.entry(key)) is not None}
        return {key: value for key, (expired_at, value) in entries.items() if expired_at > oldest}

    def _join(self, keys: Collection[K], now: float) -> "_LookUp[K, V]":
        """Return a look-up of keys: the current one if it has all of them, else the next, which starts when the current one has ended."""
        current = self._current
        if current is not None and current.hangs(now):
            if self._hanging >= _MAX_HANGING:
                raise NoConnectionError(f"{_MAX_HANGING} look-ups of {self._what} wait for the database")
            self._hanging += 1
            current = self._current = None
        if current is not None and current.keys.issuperset(keys):
            return current
        if self._next is None:
            self._next = _LookUp(self._look_up)
        look_up = self._next
        look_up.keys.update(keys)
        if current is None:
            self._start_next()
        return look_up

    def _start_next(self) -> None:
        look_up, self._next = self._next, None
        if look_up is not None:
            look_up.keys.update(self._cache.expired_keys(_REFRESHED))
            self._current = look_up
            generation = self._generation
            look_up.future.add_done_callback(lambda _: self._end(look_up, generation))
            look_up.start()

    async def _wait(self, look_up: "_LookUp[K, V]", keys: Collection[K], seconds: float) -> dict[K, V]:
        done, _ = await asyncio.wait({look_up.future}, timeout=seconds)
        if not done:
            raise NoConnectionError(f"the database has not answered for {seconds:.2f} seconds")
        values = look_up.future.result()
        return {key: values[key] for key in keys if key in values}

    def _end(self, look_up: "_LookUp[K, V]", generation: int) -> None:
        if look_up is self._current:
            self._current = None
        else:
            self._hanging -= 1
        error = look_up.future.exception()
        if error is None:
            self._note_answer()
            self._store(look_up, is_current=generation == self._generation)
        elif not isinstance(error, DATABASE_ERRORS):  # an answer, too: there is no value
            self._store(look_up, is_current=False)
        if self._current is None:
            self._start_next()

    def _store(self, look_up: "_LookUp[K, V]", *, is_current: bool) -> None:
        values = look_up.future.result() if is_current else {}
        # Relative to the start, so that a key that is revoked meanwhile works no longer than the setting allows.
        expires_at = look_up.begun_at + self._cache.ttl_s
        for key in look_up.keys:
            entry = self._cache.entry(key)
            if key not in values:
                self._cache.discard(key)
            elif entry is None or entry[0] <= expires_at:  # else a look-up that has hung is older than a later one
                self._cache.put(key, values[key], expires_at=expires_at)

    def _note_silence(self) -> None:
        self._retry_at = time.monotonic() + _RETRY_S
        if self._silent_since is None:
            self._silent_since = time.monotonic()
            _log.error("the database cannot be read: %s are used as last known", self._what)

    def _note_answer(self) -> None:
        if self._silent_since is not None:
            _log.warning("the database can be read again, after %.0f s", time.monotonic() - self._silent_since)
            self._silent_since = None
            self._retry_at = 0.0


class _LookUp(Generic[K, V]):
    """One look-up, in a thread of its own that does not keep the process from ending."""

    def __init__(self, look_up: Callable[[Collection[K]], Mapping[K, V]]) -> None:
        self.keys: set[K] = set()
        self.started_at: float | None = None
        self._look_up = look_up
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Mapping[K, V]] = self._loop.create_future()

    def start(self) -> None:
        """Start the thread; the keys are final now."""
        self.started_at = time.monotonic()
        threading.Thread(target=self._run, name="last-known", daemon=True).start()

    @property
    def begun_at(self) -> float:
        """When it was started."""
        if self.started_at is None:
            raise RuntimeError("the look-up has not been started")
        return self.started_at

    def hangs(self, now: float) -> bool:
        """Return whether it has taken longer than anyone waits."""
        return self.started_at is not None and now - self.started_at > _TIMEOUT_S

    def _run(self) -> None:
        try:
            values = self._look_up(self.keys)
        except BaseException as error:  # noqa: BLE001 - the callers get it
            self._resolve(self.future.set_exception, error)
        else:
            self._resolve(self.future.set_result, values)

    def _resolve(self, set_outcome: Callable[[Any], None], outcome: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop has ended meanwhile: nobody waits
            self._loop.call_soon_threadsafe(set_outcome, outcome)
