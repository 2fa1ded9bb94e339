"""Curves of y by x, such as ROC and calibration, of several models over each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from ml.charts import scales
from ml.charts.scales import Scale
from ml.charts.svg import element, join, link, picture, points

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 360.0, 300.0, 48.0, 12.0, 10.0, 40.0
_UNIT = (0.0, 1.0)

EVALUATION_CURVES: Final = (
    ("roc", "ROC", "false positive rate", "true positive rate", True, True),
    ("precision_recall", "Precision and recall", "recall", "precision", True, False),
    ("calibration", "Calibration", "probability", "observed share", True, True),
    ("actual", "Actual by predicted", "predicted", "median of the labels", False, True),
)
"""The curves of `ml.retraining.training.curves`: name, title, titles of the axes, whether both are shares, whether to draw the diagonal."""


@dataclass(frozen=True, slots=True)
class XYCurve:
    """Points of a curve; with `rows`, each point is a group of rows and is drawn as a dot.

    Attributes
    ----------
    name : for tooltips.
    css : class of the line: `current`, `reference`, …
    """

    name: str
    css: str
    x: Sequence[float]
    y: Sequence[float]
    rows: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class CurveChart:
    """Curves over the same axes.

    Attributes
    ----------
    is_share : whether both axes go from 0 to 1; otherwise they fit the points.
    diagonal : whether to draw the line on which x equals y.
    """

    label: str
    curves: Sequence[XYCurve]
    x_title: str
    y_title: str
    is_share: bool = True
    diagonal: bool = False

    def draw(self) -> Markup:
        """Return the chart; without curves, nothing."""
        if not self.curves:
            return Markup("")
        x_low, x_high = self._extent([value for curve in self.curves for value in curve.x])
        y_low, y_high = self._extent([value for curve in self.curves for value in curve.y])
        x, y = Scale(x_low, x_high, _LEFT, _WIDTH - _RIGHT), Scale(y_low, y_high, _HEIGHT - _BOTTOM, _TOP)
        return picture(
            _WIDTH,
            _HEIGHT,
            self.label,
            join(self._axes(x, y)),
            self._diagonal(x, y),
            join(_draw_curve(curve, x, y) for curve in self.curves),
            class_="chart curves",
        )

    def _extent(self, values: Sequence[float]) -> tuple[float, float]:
        return _UNIT if self.is_share else scales.extent(values)

    def _axes(self, x: Scale, y: Scale) -> list[Markup]:
        marks = []
        for value in scales.ticks(y.low, y.high, 5):
            marks.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y.at(value), y2=y.at(value), class_="grid"))
            marks.append(
                element("text", scales.label(value), x=_LEFT - 6, y=y.at(value) + 4, class_="tick", text_anchor="end")
            )
        for value in scales.ticks(x.low, x.high, 5):
            at = {"x": x.at(value), "y": _HEIGHT - _BOTTOM + 15}
            marks.append(element("text", scales.label(value), **at, class_="tick", text_anchor="middle"))
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        marks.append(element("text", self.x_title, x=middle, y=_HEIGHT - 6, class_="axis-title", text_anchor="middle"))
        turned = f"rotate(-90 12 {(_HEIGHT - _BOTTOM) / 2:g})"
        at = {"x": 12.0, "y": (_HEIGHT - _BOTTOM) / 2}
        marks.append(element("text", self.y_title, **at, class_="axis-title", text_anchor="middle", transform=turned))
        return marks

    def _diagonal(self, x: Scale, y: Scale) -> Markup:
        low, high = max(x.low, y.low), min(x.high, y.high)
        if not self.diagonal or low >= high:
            return Markup("")
        return element("line", x1=x.at(low), y1=y.at(low), x2=x.at(high), y2=y.at(high), class_="diagonal")


def _draw_curve(curve: XYCurve, x: Scale, y: Scale) -> Markup:
    coordinates = [(x.at(value), y.at(other)) for value, other in zip(curve.x, curve.y, strict=True)]
    line = link(None, curve.name, element("path", d=points(coordinates)))
    dots = [
        link(
            None,
            f"{curve.name}: {curve.y[index]:.4g} at {curve.x[index]:.4g}, {rows:,} rows",
            element("circle", cx=coordinates[index][0], cy=coordinates[index][1], r=3),
        )
        for index, rows in enumerate(curve.rows)
    ]
    return element("g", line, *dots, class_=f"line {curve.css}")
