"""The table of drift and the summary: what is shown for drift, calm, too little data and no data."""

import json
from pathlib import Path

from demo.report import Verdict, drift_table, first_drift_days, write_summary

VERDICTS = [
    Verdict("2013-01-30", "temp", "stable", "psi", 0.05),
    Verdict("2013-01-31", "temp", "drift", "psi", 0.4),
    Verdict("2013-02-01", "temp", "drift", "psi", 7.25),
    Verdict("2013-02-02", "temp", "insufficient_data", "psi", None),
    Verdict("2013-01-30", "carrier", "stable", "jensen_shannon", 0.02),
    Verdict("2013-02-01", "carrier", "warning", "jensen_shannon", 0.15),
    Verdict("2013-02-01", "visib", "insufficient_data", None, None),
]


def test_each_month_shows_the_share_of_its_days_in_drift() -> None:
    assert drift_table(VERDICTS).splitlines() == [
        "feature  Jan  Feb  first drift  strongest drift",
        "temp     50%  50%  2013-01-31   psi 7.25 on 2013-02-01",
        "carrier    –    –  –",
        "visib           ?  –",
    ]


def test_the_first_drift_day_is_the_earliest_whatever_the_order() -> None:
    assert first_drift_days(VERDICTS[::-1]) == {"temp": "2013-01-31"}


def test_a_table_of_nothing_is_a_heading() -> None:
    assert drift_table([]) == "feature  first drift  strongest drift"


def test_the_summary_replaces_an_older_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "home" / "demo.json"
    for sent in (1, 2):
        write_summary(path, {"sent": sent})
    assert json.loads(path.read_text()) == {"sent": 2}
    assert list(path.parent.iterdir()) == [path]
