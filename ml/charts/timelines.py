"""Verdicts over time: one row a column, one cell a day, neighbours of the same verdict as one shape."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from ml.charts.lines import x_axis
from ml.charts.scales import DayScale
from ml.charts.svg import element, join, link, picture

_WIDTH, _LEFT, _RIGHT, _ROW, _BOTTOM = 960.0, 210.0, 8.0, 20.0, 22.0
_IMPORTANCE_WIDTH = 60.0
_STRIP_WIDTH, _STRIP_HEIGHT = 180.0, 18.0
TEXTS = {
    "drift": "drift",
    "warning": "warning",
    "stable": "stable",
    "insufficient_data": "too few independent rows to tell",
    "not_judged": "not judged",
    "missing": "no report",
    "failed": "failed",
}
"""What a cell of a verdict is called in tooltips."""


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """The verdicts on a column, one for each day of the timeline; None without a report.

    Attributes
    ----------
    importance : from 0 to 1, as a bar beside the name; None if unknown.
    shades : effect over threshold, at most 1, for days that cannot be told; empty for none.
    """

    name: str
    verdicts: Sequence[str | None]
    href: str | None = None
    importance: float | None = None
    shades: Sequence[float | None] = ()


def timeline(
    label: str,
    days: Sequence[str],
    rows: Sequence[TimelineRow],
    href: Callable[[str, TimelineRow], str] | None = None,
    *,
    names_width: float = _LEFT,
) -> Markup:
    """Return the timeline of verdicts; `href` is the address of a cell, used where a run of cells is one day wide or judged.

    Parameters
    ----------
    names_width : where the first day begins.
    """
    if not days or not rows:
        return Markup("")
    scale = DayScale.over(days, names_width, _WIDTH - _RIGHT)
    height = len(rows) * _ROW + _BOTTOM
    drawn = [_row(row, index * _ROW, days, scale, href) for index, row in enumerate(rows)]
    return picture(_WIDTH, height, label, join(drawn), join(x_axis(scale, height)), class_="chart timeline")


def strip(label: str, days: Sequence[str], verdicts: Sequence[str | None]) -> Markup:
    """Return one row of verdicts without axis, for a table."""
    if not days:
        return Markup("")
    scale = DayScale.over(days, 0, _STRIP_WIDTH)
    cells = [_cell(run, scale, 0, _STRIP_HEIGHT, None, None) for run in _runs(days, verdicts)]
    return picture(_STRIP_WIDTH, _STRIP_HEIGHT, label, join(cells), class_="strip")


def _row(
    row: TimelineRow, top: float, days: Sequence[str], scale: DayScale, href: Callable[[str, TimelineRow], str] | None
) -> Markup:
    shades = {day: shade for day, shade in zip(days, row.shades, strict=False) if shade is not None}
    name = element("text", row.name, x=0, y=top + 14, class_="row-name")
    parts = [link(row.href, row.name, name) if row.href else name]
    if row.importance is not None:
        width = max(1.0, _IMPORTANCE_WIDTH * row.importance)
        bar = element(
            "rect", x=scale.start - 10 - _IMPORTANCE_WIDTH, y=top + 6, width=width, height=8, class_="importance"
        )
        parts.append(link(None, f"{row.name}: importance {row.importance:.0%} of the most important", bar))
    for run in _runs(days, row.verdicts):
        address = None if href is None else href(run[-1][0], row)
        parts.append(_cell(run, scale, top + 2, _ROW - 4, address, shades.get(run[-1][0])))
    return join(parts)


def _cell(
    run: "list[tuple[str, str | None]]",
    scale: DayScale,
    top: float,
    height: float,
    href: str | None,
    shade: float | None,
) -> Markup:
    first, last, verdict = run[0][0], run[-1][0], run[0][1] or "missing"
    period = first if first == last else f"{first} to {last}"
    left = scale.left(first)
    shape = element(
        "rect",
        x=left,
        y=top,
        width=scale.left(last) + scale.width - left,
        height=height,
        class_=f"cell {verdict}",
        fill_opacity=None if shade is None else round(0.25 + 0.75 * shade, 2),
    )
    return link(href, f"{period}: {TEXTS.get(verdict, verdict)}", shape)


def _runs(days: Sequence[str], verdicts: Sequence[str | None]) -> list[list[tuple[str, str | None]]]:
    """Return the runs of consecutive days with the same verdict."""
    runs: list[list[tuple[str, str | None]]] = []
    for day, verdict in zip(days, verdicts, strict=True):
        if runs and runs[-1][0][1] == verdict and _follows(day, runs[-1][-1][0]):
            runs[-1].append((day, verdict))
        else:
            runs.append([(day, verdict)])
    return runs


def _follows(day: str, earlier: str) -> bool:
    return date.fromisoformat(day) - date.fromisoformat(earlier) == timedelta(1)
