"""Scales of charts: values and local days to coordinates, and the ticks that people expect."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale: `low` is drawn at `start`, `high` at `end`.

    >>> Scale(0.0, 10.0, 100.0, 0.0).at(2.5)
    75.0
    """

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the coordinate of a value; values outside are drawn at the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class DayScale:
    """Local days from `first` to `last`, each as wide as any other."""

    first: date
    last: date
    start: float
    end: float

    @classmethod
    def over(cls, days: Sequence[str], start: float, end: float) -> "DayScale":
        """Return the scale of ascending days; there is at least one."""
        return cls(date.fromisoformat(days[0]), date.fromisoformat(days[-1]), start, end)

    @property
    def width(self) -> float:
        """Width of a day."""
        return (self.end - self.start) / ((self.last - self.first).days + 1)

    def left(self, day: str | date) -> float:
        """Return where a day begins."""
        parsed = date.fromisoformat(day) if isinstance(day, str) else day
        return self.start + (parsed - self.first).days * self.width

    def centre(self, day: str | date) -> float:
        """Return the middle of a day."""
        return self.left(day) + self.width / 2

    def ticks(self, most: int = 12) -> list[tuple[float, str]]:
        """Return position and text of ticks: the firsts of months, or single days of a short range.

        >>> DayScale(date(2013, 1, 31), date(2013, 3, 2), 0, 31).ticks()
        [(1.0, 'Feb'), (29.0, 'Mar')]
        >>> [text for _, text in DayScale(date(2013, 5, 3), date(2013, 5, 5), 0, 3).ticks()]
        ['3 May', '4 May', '5 May']
        >>> [text for _, text in DayScale(date(2013, 5, 1), date(2013, 5, 31), 0, 31).ticks(4)]
        ['1 May', '9 May', '17 May', '25 May']
        """
        count = (self.last - self.first).days + 1
        has_days = count <= 28 or (count <= 31 and self.first.month == self.last.month)
        if count <= 45:
            step = math.ceil(count / most)
            starts = [self.first + timedelta(offset) for offset in range(0, count, step)]
            if not has_days:
                starts = [day for day in map(self._day, range(count)) if day.day == 1]
            return [(self.left(day), f"{day.day} {day:%b}" if has_days else f"{day:%b}") for day in starts]
        firsts = [day for day in map(self._day, range(count)) if day.day == 1]
        step = math.ceil(len(firsts) / most)
        return [(self.left(day), f"{day:%b %Y}" if day.month == 1 else f"{day:%b}") for day in firsts[::step]]

    def _day(self, offset: int) -> date:
        return self.first + timedelta(offset)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round values from `low` to `high`.

    >>> ticks(0.52, 0.81), ticks(0, 12_400)
    ([0.6, 0.7, 0.8], [0, 5000, 10000])
    """
    rough = (high - low) / most
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough)
    first = math.ceil(low / step)
    decimals = max(0, -math.floor(math.log10(step)))
    values = [round(index * step, decimals) for index in range(first, math.floor(high / step + 1e-9) + 1)]
    return [int(value) if decimals == 0 else value for value in values]


def extent(values: Iterable[float | None], *, from_zero: bool = False) -> tuple[float, float]:
    """Return the range of an axis: that of the values with a margin, never empty.

    >>> extent([1.0, None, 3.0]), extent([]), extent([2.0], from_zero=True)
    ((0.9, 3.1), (0.0, 1.0), (0.0, 2.1))
    """
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = (0.0 if from_zero else min(finite)), max(finite)
    margin = (high - low) * 0.05 or abs(high) * 0.05 or 0.5
    return (low if from_zero else low - margin), high + margin


def label_margin(texts: Iterable[str]) -> float:
    """Return how wide the margin for the texts of a vertical axis is; the usual one, so that charts align, if they fit.

    >>> label_margin(["0", "0.5"]), label_margin(["0", "100,000"])
    (48.0, 55.0)
    """
    return max(48.0, 6.0 + 7.0 * max((len(text) for text in texts), default=0))


def label(value: float) -> str:
    """Return a value as the text of a tick.

    >>> label(0.6), label(5000), label(2_500_000.0)
    ('0.6', '5,000', '2.5M')
    """
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
