"""Amounts by local day as stacked bars."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ml.charts import scales
from ml.charts.lines import WIDTH, x_axis, y_axis
from ml.charts.scales import DayScale, Scale
from ml.charts.svg import element, join, link, picture

_RIGHT, _TOP, _BOTTOM = 8.0, 8.0, 22.0


@dataclass(frozen=True, slots=True)
class Bars:
    """An amount of each day; `css` is the class of its colour (`part-0` … `part-7`, or a meaning such as `drift`)."""

    name: str
    css: str
    amounts: Sequence[float]


def bar_chart(
    label: str,
    days: Sequence[str],
    parts: Sequence[Bars],
    *,
    text: Callable[[float], str] = scales.label,
    href: Callable[[str], str] | None = None,
    width: float = WIDTH,
    height: float = 160.0,
) -> Markup:
    """Return bars of ascending days, the parts of a day on top of each other; without days, nothing."""
    if not days:
        return Markup("")
    totals = [sum(part.amounts[index] for part in parts) for index in range(len(days))]
    _, high = scales.extent(totals, from_zero=True)
    ticks = scales.ticks(0, high, 4)
    left = scales.label_margin(map(text, ticks))
    x, y = DayScale.over(days, left, width - _RIGHT), Scale(0, high, height - _BOTTOM, _TOP)
    drawn = y_axis([(value, text(value)) for value in ticks], y, x.start, x.end)
    for index, day in enumerate(days):
        names = [f"{part.name} {text(part.amounts[index])}" for part in parts if part.amounts[index]]
        address = None if href is None else href(day)
        drawn.append(link(address, f"{day}: {', '.join(names) or text(0)}", *_stack(index, day, parts, x, y)))
    return picture(width, height, label, join(drawn), join(x_axis(x, height)))


def _stack(index: int, day: str, parts: Sequence[Bars], x: DayScale, y: Scale) -> list[Markup]:
    shapes, below = [], 0.0
    for part in parts:
        amount = part.amounts[index]
        if amount:
            top, bottom = y.at(below + amount), y.at(below)
            thickness = max(1.0, x.width - min(2.0, x.width / 4))
            shapes.append(
                element("rect", x=x.left(day), y=top, width=thickness, height=bottom - top, class_=f"bar {part.css}")
            )
            below += amount
    return shapes
