"""The year in steps: the training days of the first model, and the months in which it and its successors predict."""

from dataclasses import dataclass

import pandas as pd

_FIRST_DAYS = 31


@dataclass(frozen=True)
class Step:
    """Consecutive days of one month, which is their `name`."""

    name: str
    departures: pd.DataFrame
    counts: dict[str, int]

    @property
    def days(self) -> list[str]:
        """Local days, ascending."""
        return list(self.counts)


def steps_of(departures: pd.DataFrame, counts: dict[str, int]) -> list[Step]:
    """Split the days into January (or two thirds of a shorter replay) and the rest of each month.

    Parameters
    ----------
    counts : flights by local day, from the date columns of the file.
    """
    days = list(counts)
    first = days[: min(_FIRST_DAYS, len(days) * 2 // 3)]
    rest = days[len(first) :]
    months = [first, *([day for day in rest if day[:7] == month] for month in sorted({day[:7] for day in rest}))]
    dates = pd.to_datetime(departures[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    return [
        Step(month_days[0][:7], departures[dates.isin(month_days)], {day: counts[day] for day in month_days})
        for month_days in months
    ]
