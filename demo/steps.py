"""The year in steps: what the first model learns from, and the months in which it and its successors predict."""

from dataclasses import dataclass

import pandas as pd

_FIRST_DAYS = 31


@dataclass(frozen=True)
class Step:
    """Some days in a row; `name` is their month."""

    name: str
    departures: pd.DataFrame
    counts: dict[str, int]

    @property
    def days(self) -> list[str]:
        """Local days, ascending."""
        return list(self.counts)


def steps_of(departures: pd.DataFrame, counts: dict[str, int]) -> list[Step]:
    """January (or two thirds of a shorter replay), then what is left of each month.

    Parameters
    ----------
    counts : flights by local day, as the file's own date columns say it.
    """
    days = list(counts)
    first = days[: min(_FIRST_DAYS, len(days) * 2 // 3)]
    rest = days[len(first) :]
    months = [first, *([day for day in rest if day[:7] == month] for month in sorted({day[:7] for day in rest}))]
    dates = pd.to_datetime(departures[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    return [Step(own[0][:7], departures[dates.isin(own)], {day: counts[day] for day in own}) for own in months]
