"""Curves and points over two numeric axes: ROC, precision and recall, calibration, predicted against actual values."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ml.charts import scales
from ml.charts.scales import Scale
from ml.charts.svg import element, join, link, picture, points

_SIZE, _LEFT, _RIGHT, _TOP, _BOTTOM = 360.0, 52.0, 10.0, 10.0, 42.0
_UNIT = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points; `css` is the class of its colour (`part-0` … `part-3`)."""

    name: str
    css: str
    x: Sequence[float]
    y: Sequence[float]


def curve_chart(
    label: str, x_label: str, y_label: str, curves: Sequence[Curve], *, diagonal: bool = False, dots: bool = False
) -> Markup:
    """Return curves over the unit square.

    Parameters
    ----------
    diagonal : whether to draw the line of equal values.
    dots : whether each point of a curve is a dot with its values in a tooltip, for curves of few points.
    """
    x, y = _scales(_UNIT)
    drawn = [_curve(curve, x, y, dots=dots) for curve in curves]
    return _square(label, x_label, y_label, x, y, *([_diagonal(_UNIT, x, y)] if diagonal else []), *drawn)


def scatter_chart(
    label: str, x_label: str, y_label: str, x_values: Sequence[float], y_values: Sequence[float]
) -> Markup:
    """Return points over two axes of the same range, with the line of equal values; without points, nothing."""
    if not x_values:
        return Markup("")
    bounds = scales.extent([*x_values, *y_values])
    x, y = _scales(bounds)
    dots = "".join(f"M{x.at(first):.1f} {y.at(second):.1f}h0" for first, second in zip(x_values, y_values, strict=True))
    return _square(label, x_label, y_label, x, y, _diagonal(bounds, x, y), element("path", d=dots, class_="dots"))


def _scales(bounds: tuple[float, float]) -> tuple[Scale, Scale]:
    return Scale(*bounds, _LEFT, _SIZE - _RIGHT), Scale(*bounds, _SIZE - _BOTTOM, _TOP)


def _curve(curve: Curve, x: Scale, y: Scale, *, dots: bool) -> Markup:
    pairs = list(zip(curve.x, curve.y, strict=True))
    if not pairs:
        return Markup("")
    marks = [
        link(
            None,
            f"{curve.name}: {first:.3g}, {second:.3g}",
            element("circle", cx=x.at(first), cy=y.at(second), r=3),
        )
        for first, second in pairs
        if dots
    ]
    path = element("path", d=points((x.at(first), y.at(second)) for first, second in pairs))
    return element("g", element("title", curve.name), path, *marks, class_=f"line {curve.css}")


def _diagonal(bounds: tuple[float, float], x: Scale, y: Scale) -> Markup:
    low, high = bounds
    return element("line", x1=x.at(low), y1=y.at(low), x2=x.at(high), y2=y.at(high), class_="threshold")


def _square(label: str, x_label: str, y_label: str, x: Scale, y: Scale, *shapes: Markup) -> Markup:
    grid = []
    for value in scales.ticks(x.low, x.high, 5):
        at = y.at(value)
        grid.append(element("line", x1=_LEFT, x2=_SIZE - _RIGHT, y1=at, y2=at, class_="grid"))
        grid.append(element("text", scales.label(value), x=_LEFT - 6, y=at + 4, class_="tick", text_anchor="end"))
        grid.append(
            element("text", scales.label(value), x=x.at(value), y=_SIZE - 26, class_="tick", text_anchor="middle")
        )
    middle = (_TOP + _SIZE - _BOTTOM) / 2
    titles = [
        element("text", x_label, x=(_LEFT + _SIZE - _RIGHT) / 2, y=_SIZE - 8, text_anchor="middle"),
        element("text", y_label, x=12, y=middle, text_anchor="middle", transform=f"rotate(-90 12 {middle:g})"),
    ]
    return picture(_SIZE, _SIZE, label, join(grid), *shapes, join(titles), class_="chart square")
