"""A day is the project's own day: local dates of a time zone as ranges of UTC instants, vectorised.

Calendar arithmetic belongs here; which days have news does not.
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
    """The local days of one IANA time zone, be they 23, 24 or 25 hours long.

    >>> days = LocalDays("America/New_York")
    >>> start, end = days.bounds_us(date(2013, 3, 10))
    >>> (end - start) // 3_600_000_000
    23
    >>> str(days.of(start)), str(days.of(start - 1))
    ('2013-03-10', '2013-03-09')
    """

    def __init__(self, timezone: str) -> None:
        self.timezone = timezone
        self._starts = _day_starts_us(timezone)
        self._last = (0, 0, _FIRST)  # a day's bounds, and the day

    def of_many(self, ts_us: ArrayLike) -> NDArray[np.datetime64]:
        """Local dates of UTC instants: (n,) int64 microseconds in, (n,) datetime64[D] out.

        A date that a zone skipped (Samoa had no 30 December 2011) holds no instant.
        """
        index = np.searchsorted(self._starts, np.asarray(ts_us, dtype=np.int64), side="right") - 1
        return np.datetime64(_FIRST, "D") + index.astype("timedelta64[D]")

    def of(self, ts_us: int) -> date:
        """Local date of one UTC instant in microseconds."""
        start, end, day = self._last  # whoever asks for one instant after the other mostly means today
        if not start <= ts_us < end:
            day = _FIRST + timedelta(days=int(np.searchsorted(self._starts, ts_us, side="right")) - 1)
            self._last = (*self.bounds_us(day), day)
        return day

    def bounds_us(self, day: date) -> tuple[int, int]:
        """First instant of a local date and first instant after it, in UTC microseconds."""
        index = (day - _FIRST).days
        return int(self._starts[index]), int(self._starts[index + 1])


@lru_cache(maxsize=64)
def local_days(timezone: str) -> LocalDays:
    """The days of a zone, made once a process.

    Raises
    ------
    ValueError
        Where the name is not an IANA time zone.
    """
    return LocalDays(timezone)


def known_zone(timezone: str) -> ZoneInfo:
    """The zone of an IANA name.

    Raises
    ------
    ValueError
        Where there is none.
    """
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{timezone!r} is not an IANA time zone; name one like 'America/New_York' or 'UTC'") from None


def microseconds(instant: datetime) -> int:
    """UTC microseconds since the epoch of an aware datetime, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def from_microseconds(ts_us: int) -> datetime:
    """The UTC datetime of microseconds since the epoch."""
    return _EPOCH + ts_us * _MICROSECOND


def now_us() -> int:
    """The present instant in UTC microseconds."""
    return time.time_ns() // 1000


def _day_starts_us(timezone: str) -> NDArray[np.int64]:
    # A local midnight that does not exist (clocks go forward at 00:00) reads with fold=0 as the transition itself,
    # and one that happens twice as its first occurrence: in both cases the first instant of the date.
    zone = known_zone(timezone)
    days = (_LAST - _FIRST).days
    midnights = (datetime(_FIRST.year, 1, 1, tzinfo=zone) + timedelta(days=n) for n in range(days))
    return np.fromiter((microseconds(m) for m in midnights), dtype=np.int64, count=days)
