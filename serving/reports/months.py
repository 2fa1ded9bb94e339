"""Local months, `YYYY-MM`: their bounds, their neighbours, and their check as a query parameter."""

import re
from datetime import date, timedelta
from typing import Annotated

from fastapi import Depends, Query

from serving.http.problems import Unprocessable
from serving.monitoring.results.days import Days

_FORM = re.compile(r"\d{4}-\d{2}", re.ASCII)


def month_of(day: str) -> str:
    """Return the month of a day.

    >>> month_of("2013-02-28")
    '2013-02'
    """
    return day[:7]


def days_of(month: str) -> Days:
    """Return the first and the last day of a month.

    >>> days_of("2013-02")
    Days(start='2013-02-01', end='2013-02-28')
    """
    first = date.fromisoformat(f"{month}-01")
    last = first.replace(day=28) + timedelta(days=4)  # in the next month, whatever the length of this one
    return Days(first.isoformat(), (last - timedelta(days=last.day)).isoformat())


def checked_month(text: str) -> str:
    """Check that a text is a month.

    Raises
    ------
    Unprocessable
        If it is not; the error names the field.
    """
    try:
        if _FORM.fullmatch(text) is not None:
            days_of(text)
            return text
    except (ValueError, OverflowError):
        pass  # month 13, year 0, or the last month that a date can hold
    reason = "must be a month like 2013-03"
    raise Unprocessable(f"month: {reason}", errors=[{"field": "month", "reason": reason}])


def _queried_month(
    month: Annotated[
        str | None,
        Query(description="Local month, `YYYY-MM`; by default the newest month with events that is over."),
    ] = None,
) -> str | None:
    return None if month is None else checked_month(month)


QueriedMonth = Annotated[str | None, Depends(_queried_month)]
