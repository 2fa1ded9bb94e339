"""Points of two amounts each, such as the importance and the drift of features; y is relative to a limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from ml.charts import scales
from ml.charts.lines import y_axis
from ml.charts.scales import Scale
from ml.charts.svg import element, join, link, picture

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 600.0, 260.0, 48.0, 22.0, 14.0, 40.0
_LIMIT: Final = 1.0
_MOST: Final = 4.0  # limits at which the axis ends: what is far beyond would press all else to the floor
_RADIUS, _TEXT_HEIGHT, _LETTER_WIDTH, _GAP = 5.0, 13.0, 6.5, 8.0


@dataclass(frozen=True, slots=True)
class ScatterPoint:
    """One point.

    Attributes
    ----------
    name : for the tooltip, and as a label if it is `labelled` and there is room.
    x : from 0 to 1.
    y : as a multiple of the limit; from 4 on, the point lies on the upper edge.
    css : class of the point: the state of a verdict.
    title : its values, for the tooltip.
    """

    name: str
    x: float
    y: float
    css: str
    title: str
    href: str
    labelled: bool = False


@dataclass(frozen=True, slots=True)
class _Box:
    """What a point or a label covers: its middle, and half of its width and height."""

    x: float
    y: float
    half_width: float
    half_height: float

    def overlaps(self, other: "_Box") -> bool:
        return (
            abs(self.x - other.x) < self.half_width + other.half_width
            and abs(self.y - other.y) < self.half_height + other.half_height
        )


def scatter(label: str, points: Sequence[ScatterPoint], x_title: str, y_title: str) -> Markup:
    """Return the chart; without points, nothing."""
    if not points:
        return Markup("")
    highest = min(max(point.y for point in points), _MOST)
    x, y = Scale(0.0, 1.0, _LEFT, _WIDTH - _RIGHT), Scale(0.0, max(1.25, highest), _HEIGHT - _BOTTOM, _TOP)
    return picture(_WIDTH, _HEIGHT, label, join(_axes(x, y, x_title, y_title)), join(_marks(points, x, y)))


def _axes(x: Scale, y: Scale, x_title: str, y_title: str) -> list[Markup]:
    ticks = scales.ticks(y.low, y.high, 4)
    labels = [(value, f"≥ {value:g}" if value >= _MOST else scales.label(value)) for value in ticks]
    parts = y_axis(labels, y, x.start, x.end)
    for value in scales.ticks(x.low, x.high, 5):
        text = f"{value:.0%}".replace("%", " %")
        parts.append(element("text", text, x=x.at(value), y=y.start + 16, class_="tick", text_anchor="middle"))
    at = y.at(_LIMIT)
    parts.append(element("line", x1=x.start, x2=x.end, y1=at, y2=at, class_="threshold"))
    middle = (y.start + y.end) / 2
    turned = {"text_anchor": "middle", "transform": f"rotate(-90 12 {middle:g})"}
    parts.append(element("text", y_title, x=12.0, y=middle, class_="axis-title", **turned))
    middle = (x.start + x.end) / 2
    parts.append(element("text", x_title, x=middle, y=_HEIGHT - 6, class_="axis-title", text_anchor="middle"))
    return parts


def _marks(points: Sequence[ScatterPoint], x: Scale, y: Scale) -> list[Markup]:
    """Draw the points, those with a label last, so that no other lies on them."""
    boxes = [_Box(x.at(point.x), y.at(point.y), _RADIUS, _RADIUS) for point in points]
    parts = []
    for point in sorted(points, key=lambda point: (point.labelled, point.x)):
        at_x, at_y = x.at(point.x), y.at(point.y)
        shapes = [element("circle", cx=at_x, cy=at_y, r=_RADIUS, class_=f"point {point.css}")]
        box = _place(point.name, at_x, at_y, boxes) if point.labelled else None
        if box is not None:
            boxes.append(box)
            shapes.append(element("text", point.name, x=box.x, y=box.y + 4, text_anchor="middle"))
        parts.append(link(point.href, f"{point.name}: {point.title}", *shapes))
    return parts


def _place(name: str, at_x: float, at_y: float, boxes: Sequence[_Box]) -> _Box | None:
    """Return where a label lies beside its point and on nothing else; None without room."""
    half = _LETTER_WIDTH * len(name) / 2
    for down in (0.0, _TEXT_HEIGHT, -_TEXT_HEIGHT, 2 * _TEXT_HEIGHT):
        for side in (1, -1):
            box = _Box(at_x + side * (half + _GAP), at_y + down, half, _TEXT_HEIGHT / 2 - 0.5)
            is_inside = box.x - half >= _LEFT and box.x + half <= _WIDTH and box.y >= _TEXT_HEIGHT / 2
            if is_inside and not any(box.overlaps(other) for other in boxes):
                return box
    return None
