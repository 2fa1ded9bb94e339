"""Profiles of trailing days, of a model or of one of its slices, read from the database as far back as windows need them."""

from collections.abc import Collection
from datetime import date, timedelta

from guard_store.db.day_results import WHOLE_DAY
from guard_store.monitoring.aggregates import AggregateStore
from ml.monitoring.profiles.table import TableProfile

_DAYS_AHEAD = 31


class DayProfiles:
    """The profiles of a model, or of one of its slices, by day: read in blocks, and cached while a run goes through the days.

    Parameters
    ----------
    longest_days : days of the longest window; older profiles are dropped from the cache.
    """

    def __init__(
        self,
        aggregates: AggregateStore,
        project_id: str,
        model_id: str,
        longest_days: int,
        slice_key: tuple[str, str] = WHOLE_DAY,
    ) -> None:
        self._aggregates = aggregates
        self._key = project_id, model_id
        self._slice_key = slice_key
        self._kept = timedelta(days=longest_days)
        self._by_day: dict[date, TableProfile | None] = {}

    def between(self, first: date, last: date) -> list[TableProfile | None]:
        """Return the profiles of a closed range of days, oldest first; None for a day without one."""
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        missing = [day for day in days if day not in self._by_day]
        if missing:
            self._read(missing[0], missing[-1] + timedelta(days=_DAYS_AHEAD))
            self._by_day = {day: profile for day, profile in self._by_day.items() if last - day <= self._kept}
        return [self._by_day.get(day) for day in days]

    def _read(self, first: date, last: date) -> None:
        profiles = self._aggregates.profiles(*self._key, first.isoformat(), last.isoformat(), self._slice_key)
        for n in range((last - first).days + 1):
            day = first + timedelta(days=n)
            data = profiles.get(day.isoformat())
            self._by_day[day] = None if data is None else TableProfile.from_bytes(data)


class History:
    """The days up to one day, without the excluded columns; `longest_days` is the longest trailing window that was read."""

    def __init__(self, profiles: DayProfiles, day: date, excluded: Collection[str] = ()) -> None:
        self._profiles = profiles
        self._day = day
        self._excluded = excluded
        self.longest_days = 1

    def __call__(self, days: int) -> list[TableProfile | None]:
        """Return the profiles of the last `days` local days, oldest first; None for a day without events."""
        self.longest_days = max(self.longest_days, days)
        profiles = self._profiles.between(self._day - timedelta(days=days - 1), self._day)
        return [profile if profile is None else profile.without(self._excluded) for profile in profiles]
