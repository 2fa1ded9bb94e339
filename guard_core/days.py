"""Local days of a time zone as ranges of UTC instants, vectorised: all results are by the project's local day.

Only calendar arithmetic belongs here; the state of each day is `guard_store.day_state`.
"""

import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import ArrayLike, NDArray

_FIRST = date(1970, 1, 1)
_LAST = date(2120, 1, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class LocalDays:
    """The local days of one IANA time zone, which may be 23, 24 or 25 hours long.

    >>> from guard_core.units import HOUR_US
    >>> days = LocalDays("America/New_York")
    >>> start, end = days.bounds_us(date(2013, 3, 10))
    >>> (end - start) // HOUR_US
    23
    >>> str(days.of(start)), str(days.of(start - 1))
    ('2013-03-10', '2013-03-09')
    """

    def __init__(self, timezone: str) -> None:
        self.timezone = timezone
        self._starts = _day_starts_us(timezone)
        self._last = (0, 0, _FIRST)  # bounds of the last day looked up, and the day

    def of_many(self, ts_us: ArrayLike) -> NDArray[np.datetime64]:
        """Convert UTC instants to local dates: (n,) int64 microseconds to (n,) datetime64[D].

        A date that a zone skipped (Samoa had no 30 December 2011) contains no instant.
        """
        index = np.searchsorted(self._starts, np.asarray(ts_us, dtype=np.int64), side="right") - 1
        return np.datetime64(_FIRST, "D") + index.astype("timedelta64[D]")

    def of(self, ts_us: int) -> date:
        """Convert one UTC instant in microseconds to its local date."""
        start, end, day = self._last  # successive calls are mostly about the same day: today
        if not start <= ts_us < end:
            day = _FIRST + timedelta(days=int(np.searchsorted(self._starts, ts_us, side="right")) - 1)
            self._last = (*self.bounds_us(day), day)
        return day

    def bounds_us(self, day: date) -> tuple[int, int]:
        """Return the first instant of a local date and the first instant after it, in UTC microseconds."""
        index = (day - _FIRST).days
        return int(self._starts[index]), int(self._starts[index + 1])


@lru_cache(maxsize=64)
def local_days(timezone: str) -> LocalDays:
    """Return the local days of a zone, built once per process.

    Raises
    ------
    ValueError
        If the name is not an IANA time zone.
    """
    return LocalDays(timezone)


def known_zone(timezone: str) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises
    ------
    ValueError
        If there is no such zone; the message suggests valid names.
    """
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{timezone!r} is not an IANA time zone; name one like 'America/New_York' or 'UTC'") from None


def microseconds(instant: datetime) -> int:
    """Convert an aware datetime to microseconds since the epoch, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def from_microseconds(ts_us: int) -> datetime:
    """Convert microseconds since the epoch to a UTC datetime."""
    return _EPOCH + ts_us * _MICROSECOND


def now_us() -> int:
    """Return the current time in microseconds since the epoch."""
    return time.time_ns() // 1000


def _day_starts_us(timezone: str) -> NDArray[np.int64]:
    # With fold=0, a local midnight that does not exist (clocks go forward at 00:00) means the transition itself, and one
    # that occurs twice its first occurrence: in both cases the first instant of the date.
    zone = known_zone(timezone)
    days = (_LAST - _FIRST).days
    midnights = (datetime(_FIRST.year, 1, 1, tzinfo=zone) + timedelta(days=n) for n in range(days))
    return np.fromiter((microseconds(m) for m in midnights), dtype=np.int64, count=days)
