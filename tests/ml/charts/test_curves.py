"""Curves, points and rankings: where shapes are drawn, and what is escaped."""

from ml.charts.curves import Curve, curve_chart, scatter_chart
from ml.charts.rankings import ranking


def test_a_curve_begins_and_ends_in_the_corners_of_the_unit_square() -> None:
    chart = curve_chart("ROC", "false", "true", [Curve("model", "part-0", [0.0, 1.0], [0.0, 1.0])], diagonal=True)
    assert 'd="M52 318L350 10"' in chart
    assert chart.count('class="threshold"') == 1


def test_the_axes_of_a_scatter_chart_have_the_same_range() -> None:
    chart = scatter_chart("errors", "predicted", "actual", [0.0, 10.0], [10.0, 0.0])
    assert "M65.5 24.0h0M336.5 304.0h0" in chart
    assert scatter_chart("errors", "predicted", "actual", [], []) == ""


def test_bars_of_a_ranking_are_as_long_as_their_amounts() -> None:
    chart = ranking("importance", ["a", "<b>"], [0.4, 0.1])
    assert 'width="390"' in chart
    assert 'width="97.5"' in chart
    assert "<b>" not in chart
    assert 'width="0"' in ranking("importance", ["a"], [0.0])
