"""The report of a drift check: the answer, what moved, all columns, and how they were judged.

Sentences and charts do not belong here, they are in `sentences.py` and `column_charts.py`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import get_args

from markupsafe import Markup

from guard_core.names import display_name, statistic_name
from guard_core.project_settings.drift_methods import Method
from ml.charts.svg import element
from ml.monitoring.verdicts.report import ColumnVerdict
from ml.monitoring.verdicts.tables import TableComparison
from ml.reports.column_charts import column_chart
from ml.reports.document import fragment, page, render, within
from ml.reports.sentences import change, column_name, headline, readable, worst_first

_CHARTS, _NOTEBOOK_CHARTS = 24, 6
_CHART_BYTES, _TABLE_BYTES = 95_000, 175_000
_LEFT_OUT = 20
_UNMOVED = ("stable", "insufficient_data", "not_judged")


def drift_page(comparison: TableComparison) -> str:
    """Return the report as a self-contained HTML page below `document.MAX_BYTES`."""
    return page("Drift report", _body(comparison, _CHARTS, is_page=True))


def drift_fragment(comparison: TableComparison) -> str:
    """Return the report for a cell of a notebook: fewer charts, and the table folded."""
    return fragment(_body(comparison, _NOTEBOOK_CHARTS, is_page=False))


def column_card(comparison: TableComparison, verdict: ColumnVerdict) -> Markup:
    """Return a column's verdict with its sentence, both distributions and all statistics."""
    reference, current = (table.columns.get(verdict.column) for table in (comparison.reference, comparison.current))
    name = column_name(verdict.column)
    return render(
        "column.html",
        name=name,
        verdict=verdict,
        change=change(verdict, reference, current),
        chart=column_chart(f"Distribution of {name} in the reference and now", reference, current),
        statistics=[
            f"{statistic_name(statistic)} {value:.4g}"
            for statistic, value in verdict.statistics.items()
            if value is not None
        ],
    )


def _body(comparison: TableComparison, most_charts: int, *, is_page: bool) -> Markup:
    verdicts = worst_first(comparison.report)
    moved = [entry for entry in verdicts if entry.state not in _UNMOVED and (entry.n or entry.m)]
    cards = within((column_card(comparison, verdict) for verdict in moved[:most_charts]), _CHART_BYTES)
    rows = within(_rows(verdicts), _TABLE_BYTES)
    return render(
        "drift.html",
        headline=headline(comparison.report),
        names=[readable(name, 200) for name in (comparison.current_name, comparison.reference_name)],
        comparison=comparison,
        cards=cards,
        more_moved=len(moved) - len(cards),
        rows=rows,
        more_rows=len(verdicts) - len(rows),
        thresholds=_thresholds(comparison),
        tested=sum(verdict.adjusted_p_value is not None for verdict in verdicts),
        left_out={readable(name): readable(why) for name, why in list(comparison.left_out.items())[:_LEFT_OUT]},
        more_left_out=max(0, len(comparison.left_out) - _LEFT_OUT),
        is_page=is_page,
        now=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


def _rows(verdicts: list[ColumnVerdict]) -> Iterator[Markup]:
    for verdict in verdicts:
        state = verdict.state.replace("_", " ")
        cells = (
            verdict.kind,
            state if verdict.state in _UNMOVED else element("span", state, class_=f"badge {verdict.state}"),
            "–" if verdict.method is None else display_name(verdict.method),
            _number(verdict.effect, ".3g"),
            _number(verdict.drift_threshold, "g"),
            _number(verdict.adjusted_p_value, ".2g"),
            f"{_number(verdict.missing_share, '.1%')} / {_number(verdict.reference_missing_share, '.1%')}",
            f"{verdict.n:,} / {verdict.m:,}",
        )
        yield element(
            "tr", element("th", column_name(verdict.column), scope="row"), *(element("td", cell) for cell in cells)
        )


def _thresholds(comparison: TableComparison) -> dict[str, str]:
    """Return warning and drift thresholds by method, for the methods that have decided a verdict."""
    methods = {verdict.method for verdict in comparison.report.columns}
    limits = {method: comparison.settings.thresholds_of(method) for method in get_args(Method) if method in methods}
    return {
        display_name(method): f"warning from {pair.warning:g}, drift from {pair.drift:g}"
        for method, pair in limits.items()
    }


def _number(value: float | None, pattern: str) -> str:
    return "–" if value is None else format(value, pattern)
