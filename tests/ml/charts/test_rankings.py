"""Rankings: the length of bars, and what is escaped."""

from ml.charts.rankings import ranking


def test_bars_of_a_ranking_are_as_long_as_their_amounts() -> None:
    chart = ranking("importance", ["a", "<b>"], [0.4, 0.1])
    assert 'width="390"' in chart
    assert 'width="97.5"' in chart
    assert "<b>" not in chart
    assert 'width="0"' in ranking("importance", ["a"], [0.0])
