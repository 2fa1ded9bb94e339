"""A line of a few pixels for a table: shape only, the numbers stand beside it."""

from collections.abc import Sequence

from markupsafe import Markup

from ml.charts.scales import Scale, extent
from ml.charts.svg import element, join, picture, points

_WIDTH, _HEIGHT = 120.0, 28.0


def sparkline(label: str, values: Sequence[float | None], css: str) -> Markup:
    """Return a line through the values, oldest first; missing values leave a gap, and without values there is nothing."""
    runs: list[list[tuple[float, float]]] = [[]]
    low, high = extent(values)
    x = Scale(0, max(len(values) - 1, 1), 2, _WIDTH - 2)
    y = Scale(low, high, _HEIGHT - 2, 2)
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((x.at(index), y.at(value)))
    drawn = [element("path", d=points(run)) for run in runs if len(run) > 1]
    if not drawn:
        return Markup("")
    return picture(_WIDTH, _HEIGHT, label, element("g", join(drawn), class_=f"line {css}"), class_="sparkline")
