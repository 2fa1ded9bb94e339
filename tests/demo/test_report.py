"""The table of drift and the summary: what is shown for drift, calm, too little data and no data."""

import json
from pathlib import Path

from demo.report import Verdict, drift_table, first_drift_days, month_table, performance_of, write_summary

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


def entry(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.02, "high": value + 0.02}


def test_a_month_is_a_line_of_the_table_with_the_reasons_of_its_flags() -> None:
    month = {
        "month": "2013-06",
        "versions": ["4", "5"],
        "realised": 0.7,
        "estimated": None,
        "flags": [{"reasons": [{"rule": "performance"}, {"rule": "age"}]}],
        "roc_auc": {"static": entry(0.69), "guarded": entry(0.74)},
    }
    summer = {"static": entry(0.68), "guarded": entry(0.73), "difference": entry(0.05)}
    groups, _, line, last = month_table([month], summer).splitlines()
    assert groups.split("  ")[-1].strip() == "mean of days"
    assert "all flights together" in groups
    assert "0.690 (0.670–0.710)   0.740 (0.720–0.760)" in line
    assert line.endswith("4, 5         0.700         –  age, performance")
    assert last.endswith("better by 0.050 (0.030–0.070)")


def test_a_months_performance_weighs_days_by_their_flights_and_leaves_out_what_nobody_knows() -> None:
    def day(events: int, realised: float | None) -> dict[str, object]:
        told = None if realised is None else {"metrics": {"roc_auc": {"value": realised}}}
        return {"events": events, "realised": told, "estimated": None}

    found = performance_of([day(100, 0.6), day(300, 0.8), day(500, None)])
    assert found == {"realised": 0.75, "estimated": None}
