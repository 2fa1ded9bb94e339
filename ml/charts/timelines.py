"""Verdicts over time: one row a column, one cell a day, neighbours of the same verdict as one shape."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from markupsafe import Markup

from ml.charts.lines import x_axis
from ml.charts.scales import DayScale
from ml.charts.svg import element, join, link, picture

_WIDTH, _LEFT, _RIGHT, _ROW, _BOTTOM = 960.0, 210.0, 8.0, 20.0, 22.0
_IMPORTANCE_WIDTH = 60.0
_STRIP_WIDTH, _STRIP_HEIGHT = 180.0, 18.0
_LEAST_CELL = 5.0  # narrower cells are hard to point at: neighbours that look the same become one
_SHADES = 4
TEXTS = {
    "drift": "drift",
    "warning": "warning",
    "stable": "stable",
    "insufficient_data": "too few independent rows to tell",
    "not_judged": "not judged",
    "missing": "no report",
    "missing_baseline": "no baseline yet",
    "kind_mismatch": "values of another kind",
    "no_data": "no values",
    "failed": "failed",
}
"""What a cell of a verdict is called in tooltips."""


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """The verdicts on a column, one for each day of the timeline; None without a report.

    Attributes
    ----------
    importance : from 0 to 1, as a bar beside the name; None if unknown.
    shades : effect over threshold, at most 1, for days that cannot be judged; empty for none.
    notes : what else the tooltip of a cell states; empty for nothing.
    """

    name: str
    verdicts: Sequence[str | None]
    href: str | None = None
    importance: float | None = None
    shades: Sequence[float | None] = ()
    notes: Sequence[str | None] = ()


@dataclass(frozen=True, slots=True)
class _Cell:
    """Days that look the same, as one shape; a link leads to the last of them."""

    first: str
    last: str
    verdict: str
    shade: float | None = None
    note: str | None = None

    @property
    def title(self) -> str:
        period = self.first if self.first == self.last else f"{self.first} to {self.last}"
        return f"{period}: {TEXTS.get(self.verdict, self.verdict)}{f'; {self.note}' if self.note else ''}"


def timeline(
    label: str,
    days: Sequence[str],
    rows: Sequence[TimelineRow],
    href: Callable[[str, TimelineRow], str] | None = None,
    *,
    names_width: float = _LEFT,
) -> Markup:
    """Return the timeline of verdicts; `href` is the address of a cell, that of its last day where days share one.

    The picture's `data-` attributes give the first day, where it begins and how wide a day is, for scripts that select days.

    Parameters
    ----------
    names_width : where the first day begins.
    """
    if not days or not rows:
        return Markup("")
    scale = DayScale.over(days, names_width, _WIDTH - _RIGHT)
    height = len(rows) * _ROW + _BOTTOM
    drawn = [_row(row, index * _ROW, days, scale, href) for index, row in enumerate(rows)]
    return picture(
        _WIDTH,
        height,
        label,
        join(drawn),
        join(x_axis(scale, height)),
        class_="chart timeline",
        data_first_day=days[0],
        data_start=scale.start,
        data_day_width=scale.width,
    )


def strip(
    label: str, days: Sequence[str], verdicts: Sequence[str | None], href: Callable[[str], str] | None = None
) -> Markup:
    """Return one row of verdicts without axis, for a table; `href` is the address of a day, as of `timeline`."""
    if not days:
        return Markup("")
    scale = DayScale.over(days, 0, _STRIP_WIDTH)
    cells = [
        _draw(cell, scale, 0, _STRIP_HEIGHT, None if href is None else href(cell.last))
        for cell in _cells(days, TimelineRow("", verdicts), is_merged=True)
    ]
    return picture(_STRIP_WIDTH, _STRIP_HEIGHT, label, join(cells), class_="strip")


def _row(
    row: TimelineRow, top: float, days: Sequence[str], scale: DayScale, href: Callable[[str, TimelineRow], str] | None
) -> Markup:
    name = element("text", row.name, x=0, y=top + 14, class_="row-name")
    parts = [link(row.href, row.name, name) if row.href else name]
    if row.importance is not None:
        width = max(1.0, _IMPORTANCE_WIDTH * row.importance)
        bar = element(
            "rect", x=scale.start - 10 - _IMPORTANCE_WIDTH, y=top + 6, width=width, height=8, class_="importance"
        )
        parts.append(link(None, f"{row.name}: importance {row.importance:.0%} of the most important", bar))
    cells = _cells(days, row, is_merged=scale.width < _LEAST_CELL)
    parts += [_draw(cell, scale, top + 2, _ROW - 4, None if href is None else href(cell.last, row)) for cell in cells]
    return join(parts)


def _draw(cell: _Cell, scale: DayScale, top: float, height: float, href: str | None = None) -> Markup:
    left, right = scale.left(cell.first), scale.left(cell.last) + scale.width
    gap = min(1.0, scale.width / 8) if scale.width >= _LEAST_CELL else 0.0
    shape = element(
        "rect",
        x=left,
        y=top,
        width=right - left - gap,
        height=height,
        class_=f"cell {cell.verdict}",
        fill_opacity=None if cell.shade is None else round(0.25 + 0.75 * cell.shade, 2),
    )
    return link(href, cell.title, shape)


def _cells(days: Sequence[str], row: TimelineRow, *, is_merged: bool) -> list[_Cell]:
    """Return the cells of a row; merged, days in a row of the same verdict and shade are one cell, with the note of the last."""
    looks = [
        (verdict or "missing", None if shade is None else round(shade * _SHADES) / _SHADES)
        for verdict, shade in zip(row.verdicts, row.shades or [None] * len(days), strict=True)
    ]

    def run_of(index: int) -> object:
        # Days in a row have the same difference between their number and their place.
        return (looks[index], date.fromisoformat(days[index]).toordinal() - index) if is_merged else index

    cells = []
    for _, run in groupby(range(len(days)), key=run_of):
        first, *rest = run
        last = rest[-1] if rest else first
        cells.append(_Cell(days[first], days[last], *looks[last], row.notes[last] if row.notes else None))
    return cells
