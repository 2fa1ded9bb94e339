"""The sentence that answers whether there is drift."""

import pytest

from ml.monitoring.verdicts.report import STATES, ColumnVerdict, DriftReport, State
from ml.reports.sentences import headline


def report(**states: State) -> DriftReport:
    columns = tuple(ColumnVerdict(f"feature_{name}", "numeric", state, "", n=9, m=9) for name, state in states.items())
    return DriftReport(min((v.state for v in columns), key=STATES.index, default="no_data"), "", columns)


@pytest.mark.parametrize(
    ("states", "sentence"),
    [
        ({"a": "stable", "b": "stable"}, "No drift: all 2 columns look as in the reference."),
        ({"a": "stable"}, "No drift: the only column looks as in the reference."),
        ({"a": "drift", "b": "stable"}, "1 of 2 columns has drifted: a."),
        (
            {"a": "drift", "b": "drift", "c": "warning", "d": "kind_mismatch"},
            "2 of 4 columns have drifted: a and b; 1 shows a smaller change: c; 1 cannot be compared: d.",
        ),
        (
            {"a": "insufficient_data", "b": "insufficient_data", "c": "stable"},
            "No drift in 3 columns; 2 have too few rows to tell: a and b.",
        ),
        (dict.fromkeys("abcdef", "drift"), "6 of 6 columns have drifted: a, b, c, d and 2 more."),
        ({}, "There is no column to compare."),
    ],
)
def test_the_headline_counts_and_names_columns(states: dict[str, State], sentence: str) -> None:
    assert headline(report(**states)) == sentence
