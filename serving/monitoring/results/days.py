"""Ranges of local days as query parameters of many routes."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Depends, Path, Query

from serving.http.problems import Unprocessable

FIRST_DAY, LAST_DAY = "0001-01-01", "9999-12-31"


@dataclass(frozen=True, slots=True)
class Days:
    """A closed range of local days, `YYYY-MM-DD`; without bounds, all days."""

    start: str = FIRST_DAY
    end: str = LAST_DAY


def checked_days(start: str | None, end: str | None) -> Days:
    """Check the bounds of a range; a missing bound leaves its side open.

    Raises
    ------
    Unprocessable
        If a bound is no day, or the range ends before it starts; the error names the bound.
    """
    days = Days(
        FIRST_DAY if start is None else checked_day("start", start),
        LAST_DAY if end is None else checked_day("end", end),
    )
    if days.start > days.end:
        raise _unprocessable("start", f"{days.start} is after end, {days.end}")
    return days


def checked_day(field: str, text: str) -> str:
    """Check that a text is a day.

    Raises
    ------
    Unprocessable
        If it is not; the error names the field.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:  # Python also reads 20130310 and 2013-W10-7
        raise _unprocessable(field, "must be a day like 2013-03-10")
    return text


def _unprocessable(field: str, reason: str) -> Unprocessable:
    return Unprocessable(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])


def _queried_days(
    start: Annotated[str | None, Query(description="First local day, `YYYY-MM-DD`.")] = None,
    end: Annotated[str | None, Query(description="Last local day, `YYYY-MM-DD`, inclusive.")] = None,
) -> Days:
    return checked_days(start, end)


def _day_in_path(day: Annotated[str, Path(description="Local day, `YYYY-MM-DD`.")]) -> str:
    return checked_day("day", day)


QueriedDays = Annotated[Days, Depends(_queried_days)]
DayInPath = Annotated[str, Depends(_day_in_path)]
