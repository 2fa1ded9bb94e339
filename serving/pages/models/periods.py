"""Ranges of days that the pages of a model offer, relative to its newest day."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from fastapi import Query

from serving.monitoring.results.days import Days

Period = Literal["30", "90", "365", "all"]
QueriedPeriod = Annotated[Period, Query(description="Newest days of the model.")]
_MOST_UNSMOOTHED = 120
DEFAULT: Final[Period] = "90"


PERIODS: Final[Mapping[Period, str]] = {"30": "30 days", "90": "90 days", "365": "365 days", "all": "all days"}


def days_of(period: Period, last_day: str) -> Days:
    """Return the newest days up to the last one.

    >>> days_of("30", "2013-12-31")
    Days(start='2013-12-02', end='2013-12-31')
    """
    if period == "all":
        return Days(end=last_day)
    first = date.fromisoformat(last_day) - timedelta(days=int(period) - 1)
    return Days(first.isoformat(), last_day)


def window_of(days: Sequence[str]) -> int:
    """Return over how many days a chart of these days averages a metric: of many days, the noise of one hides the course.

    >>> window_of(["2013-12-31"] * 90), window_of(["2013-12-31"] * 365)
    (1, 7)
    """
    return 1 if len(days) <= _MOST_UNSMOOTHED else 7
