"""Ranges of local days of usage and findings: the last 30 by default, never more than about a year."""

from datetime import date, timedelta

from serving.gateway.usage.schemas import DaysQuery
from serving.http.problems import Unprocessable

_DAYS = timedelta(days=30)
_MOST_DAYS = 366


def bounds_of(query: DaysQuery, today: date) -> tuple[date, date]:
    """Return the first and the last day of a range.

    Raises
    ------
    Unprocessable
        If the first day is after the last one.
    """
    end = query.end or today
    start = query.start or end - _DAYS
    if start > end:
        raise _unprocessable("start", "must not be after end")
    return start, end


def days_between(query: DaysQuery, today: date) -> list[str]:
    """Return all days of a range.

    Raises
    ------
    Unprocessable
        If the first day is after the last one, or the range has too many days.
    """
    start, end = bounds_of(query, today)
    if (end - start).days >= _MOST_DAYS:
        raise _unprocessable("start", f"the range has more than {_MOST_DAYS} days")
    return [(start + timedelta(offset)).isoformat() for offset in range((end - start).days + 1)]


def _unprocessable(field: str, reason: str) -> Unprocessable:
    return Unprocessable(f"{field}: {reason}.", errors=[{"field": field, "reason": reason}])
