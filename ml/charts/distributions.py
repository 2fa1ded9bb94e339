"""Two distributions of a column over each other: the reference as an outline, the current as bars."""

import itertools
from collections.abc import Sequence

from markupsafe import Markup

from ml.charts import scales
from ml.charts.scales import Scale
from ml.charts.svg import element, join, link, picture, points

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 620.0, 220.0, 48.0, 8.0, 8.0, 22.0
_ROW, _NAME_WIDTH = 26.0, 160.0


def histogram(
    label: str,
    edges: Sequence[float],
    reference: Sequence[float],
    current: Sequence[float],
    *,
    open_ended: bool = False,
) -> Markup:
    """Return two histograms over the same bins.

    Parameters
    ----------
    edges : ascending, one more than there are bins; one less if the bins are open-ended.
    reference, current : share of the values in each bin.
    open_ended : whether the first bin holds all values below the first edge, and the last one all above the last edge; they
        are drawn as wide as their neighbours.
    """
    inner = edges
    if open_ended:
        edges = [2 * edges[0] - edges[1], *edges, 2 * edges[-1] - edges[-2]]
    widths = [high - low for low, high in itertools.pairwise(edges)]
    heights = [[share / width for share, width in zip(shares, widths, strict=True)] for shares in (reference, current)]
    _, top = scales.extent([value for part in heights for value in part], from_zero=True)
    x, y = Scale(edges[0], edges[-1], _LEFT, _WIDTH - _RIGHT), Scale(0, top, _HEIGHT - _BOTTOM, _TOP)
    bars = [
        link(
            None,
            f"{_range(low, high, inner)}: reference {reference[index]:.1%}, current {current[index]:.1%}",
            element(
                "rect", x=x.at(low), y=_TOP, width=x.at(high) - x.at(low), height=_HEIGHT - _TOP - _BOTTOM, class_="hit"
            ),
        )
        for index, (low, high) in enumerate(itertools.pairwise(edges))
    ]
    ticks = [
        element("text", scales.label(value), x=x.at(value), y=_HEIGHT - 6, class_="tick", text_anchor="middle")
        for value in scales.ticks(edges[0], edges[-1], 6)
    ]
    return picture(
        _WIDTH,
        _HEIGHT,
        label,
        element("path", d=_steps(edges, heights[1], x, y) + "Z", class_="area current"),
        element("path", d=_steps(edges, heights[0], x, y), class_="outline reference"),
        join(ticks),
        join(bars),
    )


def category_bars(label: str, names: Sequence[str], reference: Sequence[float], current: Sequence[float]) -> Markup:
    """Return a pair of horizontal bars for each category."""
    _, high = scales.extent([*reference, *current], from_zero=True)
    x = Scale(0, high, _NAME_WIDTH, _WIDTH - 56)
    rows = []
    for index, name in enumerate(names):
        top = index * _ROW
        title = f"{name}: reference {reference[index]:.1%}, current {current[index]:.1%}"
        rows.append(
            link(
                None,
                title,
                element("text", shortened(name), x=_NAME_WIDTH - 8, y=top + 15, class_="row-name", text_anchor="end"),
                element(
                    "rect",
                    x=_NAME_WIDTH,
                    y=top + 3,
                    width=x.at(reference[index]) - _NAME_WIDTH,
                    height=8,
                    class_="bar reference",
                ),
                element(
                    "rect",
                    x=_NAME_WIDTH,
                    y=top + 12,
                    width=x.at(current[index]) - _NAME_WIDTH,
                    height=8,
                    class_="bar current",
                ),
                element("text", f"{current[index]:.1%}", x=_WIDTH - 4, y=top + 15, class_="tick", text_anchor="end"),
            )
        )
    return picture(_WIDTH, len(names) * _ROW, label, join(rows))


def _range(low: float, high: float, edges: Sequence[float]) -> str:
    """Return the range of a bin; one beyond the edges is open."""
    lower, upper = (scales.label(float(f"{value:.4g}")) for value in (low, high))
    if low < edges[0]:
        return f"below {upper}"
    return f"above {lower}" if high > edges[-1] else f"{lower} to {upper}"


def _steps(edges: Sequence[float], heights: Sequence[float], x: Scale, y: Scale) -> str:
    corners = [(x.at(edges[0]), y.at(0))]
    for low, high, value in zip(edges, edges[1:], heights, strict=False):
        corners += [(x.at(low), y.at(value)), (x.at(high), y.at(value))]
    return points([*corners, (x.at(edges[-1]), y.at(0))])


def shortened(name: str, most: int = 22) -> str:
    """Return a name that fits beside a bar."""
    return name if len(name) <= most else f"{name[: most - 1]}…"
