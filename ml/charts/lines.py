"""Values by local day as lines, with bands, thresholds and marks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar

from markupsafe import Markup

from ml.charts import scales
from ml.charts.scales import DayScale, Scale
from ml.charts.svg import element, join, link, picture, points

T = TypeVar("T")

WIDTH = 960.0
_RIGHT, _TOP, _BOTTOM = 8.0, 22.0, 22.0
_TICK_WIDTH = 62.0
_TEXT_HEIGHT = 13.0


@dataclass(frozen=True, slots=True)
class Line:
    """A value of each day; None where it is missing, which leaves a gap.

    Attributes
    ----------
    name : for the tooltip.
    css : class of the line and its band: `realised`, `estimated`, `count`, …
    low, high : the band around the line.
    sets_axis : whether the axis reaches to its values; otherwise those beyond it are drawn at its edge.
    """

    name: str
    css: str
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    sets_axis: bool = True


@dataclass(frozen=True, slots=True)
class DayMark:
    """Something that happened on a day, as a vertical line with a text at the top."""

    day: str
    text: str
    css: str
    title: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines over the same days.

    Attributes
    ----------
    days : ascending local days, `YYYY-MM-DD`.
    thresholds : values by text, as horizontal lines.
    href : address of a day, for its tooltip.
    text : a value as people read it.
    """

    label: str
    days: Sequence[str]
    lines: Sequence[Line]
    marks: Sequence[DayMark] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    href: Callable[[str], str] | None = None
    text: Callable[[float], str] = scales.label
    width: float = WIDTH
    height: float = 180.0
    from_zero: bool = False

    def draw(self) -> Markup:
        """Return the chart; without days, nothing."""
        if not self.days:
            return Markup("")
        y = self._y_scale()
        ticks = scales.ticks(y.low, y.high, 4)
        days = DayScale.over(self.days, scales.label_margin(map(self.text, ticks)), self.width - _RIGHT)
        return picture(
            self.width,
            self.height,
            self.label,
            join(y_axis([(value, self.text(value)) for value in ticks], y, days.start, days.end)),
            join(x_axis(days, self.height)),
            join(element("g", self._band(line, days, y), class_=f"band {line.css}") for line in self.lines if line.low),
            join(self._thresholds(y, days.start)),
            join(self._mark(mark, days) for mark in self.marks),
            join(element("g", self._line(line, days, y), class_=f"line {line.css}") for line in self.lines),
            join(self._day(index, days) for index in range(len(self.days))),
        )

    def _y_scale(self) -> Scale:
        lines = [line for line in self.lines if line.sets_axis]
        values = [value for line in lines for part in (line.values, line.low, line.high) for value in part]
        low, high = scales.extent([*values, *self.thresholds.values()], from_zero=self.from_zero)
        return Scale(low, high, self.height - _BOTTOM, _TOP)

    def _line(self, line: Line, days: DayScale, y: Scale) -> Markup:
        return join(_run(run, days, y) for run in _runs(zip(self.days, line.values, strict=True)))

    def _band(self, line: Line, days: DayScale, y: Scale) -> Markup:
        bounds = [
            (day, None if low is None or high is None else (low, high))
            for day, low, high in zip(self.days, line.low, line.high, strict=True)
        ]
        shapes = []
        for run in _runs(bounds):
            upper = [(days.centre(day), y.at(high)) for day, (_, high) in run]
            lower = [(days.centre(day), y.at(low)) for day, (low, _) in reversed(run)]
            shapes.append(element("path", d=points([*upper, *lower]) + "Z"))
        return join(shapes)

    def _thresholds(self, y: Scale, left: float) -> list[Markup]:
        """Draw the thresholds; of texts that would lie on each other, the first."""
        parts: list[Markup] = []
        texts: list[float] = []
        for text, value in self.thresholds.items():
            at = y.at(value)
            parts.append(element("line", x1=left, x2=self.width - _RIGHT, y1=at, y2=at, class_="threshold"))
            if all(abs(at - other) >= _TEXT_HEIGHT for other in texts):
                texts.append(at)
                parts.append(element("text", text, x=self.width - _RIGHT, y=at - 4, class_="tick", text_anchor="end"))
        return parts

    def _mark(self, mark: DayMark, days: DayScale) -> Markup:
        at = days.left(mark.day)
        if not days.start <= at <= self.width - _RIGHT:
            return Markup("")
        return link(
            mark.href,
            mark.title,
            element("line", x1=at, x2=at, y1=_TOP - 6, y2=self.height - _BOTTOM, class_=f"mark {mark.css}"),
            element("text", mark.text, x=at + 2, y=_TOP - 10, class_=f"mark-text {mark.css}"),
        )

    def _day(self, index: int, days: DayScale) -> Markup:
        day = self.days[index]
        values = [f"{line.name} {self.text(value)}" for line in self.lines if (value := line.values[index]) is not None]
        return link(
            None if self.href is None else self.href(day),
            f"{day}: {', '.join(values) or 'no value'}",
            element(
                "rect",
                x=days.left(day),
                y=_TOP,
                width=days.width,
                height=self.height - _TOP - _BOTTOM,
                class_="hit",
            ),
        )


def x_axis(days: DayScale, height: float) -> list[Markup]:
    """Return the ticks of days at the bottom of a chart."""
    most = max(2, int((days.end - days.start) / _TICK_WIDTH))
    return [element("text", text, x=at, y=height - 6, class_="tick") for at, text in days.ticks(most)]


def y_axis(ticks: Iterable[tuple[float, str]], y: Scale, left: float, right: float) -> list[Markup]:
    """Return the lines of ticks across a chart, each with its text at the left."""
    marks = []
    for value, text in ticks:
        at = y.at(value)
        marks.append(element("line", x1=left, x2=right, y1=at, y2=at, class_="grid"))
        marks.append(element("text", text, x=left - 6, y=at + 4, class_="tick", text_anchor="end"))
    return marks


def _run(run: list[tuple[str, float]], days: DayScale, y: Scale) -> Markup:
    coordinates = [(days.centre(day), y.at(value)) for day, value in run]
    if len(coordinates) == 1:
        [(x, at)] = coordinates
        return element("circle", cx=x, cy=at, r=1.6)
    return element("path", d=points(coordinates))


def _runs(pairs: Iterable[tuple[str, T | None]]) -> list[list[tuple[str, T]]]:
    """Return the runs of neighbours that have a value."""
    groups = groupby(pairs, key=lambda pair: pair[1] is not None)
    return [[(day, value) for day, value in run if value is not None] for has_value, run in groups if has_value]
