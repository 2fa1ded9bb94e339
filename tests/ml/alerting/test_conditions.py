"""What holds on a day and on enough days: thresholds, days that say nothing, the words with their numbers."""

from typing import Any

import pytest

from guard_core.alerting.figures import Figure
from ml.alerting.conditions import (
    Finding,
    JudgedDay,
    Unknown,
    check_drift,
    check_latency,
    check_nulls,
    check_performance,
    check_rejections,
    check_volume,
    evaluate_days,
)
from ml.monitoring.performance.day_comparison import DayValue
from ml.retraining.rule import DayEvidence, DecidingMetric


def column(name: str, state: str, effect: float = 0.3) -> dict[str, Any]:
    strength = {"method": "psi", "effect": effect, "drift_threshold": 0.2, "adjusted_p_value": 0.001, "n": 90}
    return {"column": name, "state": state, **strength, "window_days": 1}


def held(finding: object) -> Finding:
    assert isinstance(finding, Finding)
    return finding


def test_drift_names_the_strongest_columns_first_and_counts_only_those_that_could_be_judged() -> None:
    columns = [column("feature_a", "drift", 0.3), column("feature_b", "drift", 0.9), column("y_pred", "stable")]
    columns += [column("feature_c", "insufficient_data"), column("feature_d", "warning")]
    finding = held(check_drift({"columns": columns}, 0.0))
    assert finding.text == "Drift in b, a: 2 of 4 judged columns"
    assert (finding.value, list(finding.lines)) == (
        0.5,
        [
            "b: PSI is 0.9, drift from 0.2 on; 90 values of the day, adjusted p 0.001",
            "a: PSI is 0.3, drift from 0.2 on; 90 values of the day, adjusted p 0.001",
        ],
    )
    assert finding.figure == Figure("PSI of b", 0.9, "feature_b", threshold=0.2, rows=90, feature="b")
    assert check_drift({"columns": columns}, 0.5) is None
    many = [column(f"feature_{n}", "drift") for n in range(20)]
    assert held(check_drift({"columns": many}, 0.0)).text == "Drift in 0, 1, 2 and 17 more: 20 of 20 judged columns"


def test_a_day_on_which_no_column_could_be_judged_says_nothing() -> None:
    assert check_drift({"columns": [column("feature_a", "insufficient_data")]}, 0.0) == Unknown(
        "no column could be judged"
    )
    assert check_drift({"columns": []}, 0.0) == Unknown("no column could be judged")


@pytest.mark.parametrize(
    ("value", "high", "expected"),
    [(0.70, 0.72, True), (0.70, 0.81, False), (0.79, 0.795, False)],
)
def test_performance_must_be_surely_and_far_enough_below(value: float, high: float, expected: bool) -> None:
    evidence = DayEvidence("d", {}, {"roc_auc": {"value": value, "low": value - 0.02, "high": high, "n": 900}}, None)
    found = check_performance(evidence, DecidingMetric("roc_auc", 0.80), 0.02)
    assert isinstance(found, Finding) is expected
    if expected:
        assert held(found).text == "Realised ROC AUC is 0.700, 0.800 in the baseline"
        assert (
            held(found).lines[0] == "0.100 lower than that, 0.02 is allowed; 95 % interval 0.680 to 0.720 of 900 rows"
        )


def test_performance_is_compared_by_days_where_the_baseline_has_them() -> None:
    before = [DayValue(f"04-{day:02}", 0.80 + 0.01 * (day % 5 - 2), 900) for day in range(1, 11)]
    now = [DayValue(f"05-{day:02}", 0.70 + 0.01 * (day % 3), 900) for day in range(1, 8)]
    metric = DecidingMetric("roc_auc", 0.81, {"realised": before}, {"realised": now})
    evidence = DayEvidence("05-07", {}, {"roc_auc": {"value": 0.9, "low": 0.85, "high": 0.95, "n": 900}}, None)
    finding = held(check_performance(evidence, metric, 0.02))
    assert finding.text == "Realised ROC AUC is 0.710 over 7 days, 0.800 in the baseline"
    assert finding.lines[1] == "compared by days: 7 days and 10 of the baseline, rank sum p 0.00035"
    assert finding.figure is not None
    assert finding.figure.baseline == pytest.approx(0.80)
    assert finding.figure.threshold == pytest.approx(0.78)


def test_errors_may_grow_by_a_share_of_the_baselines_and_the_words_say_by_how_much() -> None:
    evidence = DayEvidence("d", {}, None, {"mae": {"value": 13.0, "low": 12.5, "high": 13.5}})
    found = held(check_performance(evidence, DecidingMetric("mae", 10.0), 0.1))
    assert found.text == "Estimated MAE is 13.000, 10.000 in the baseline"
    assert found.lines[0] == "3.000 higher than that, 1 is allowed; 95 % interval 12.500 to 13.500"


def test_performance_that_is_not_known_says_nothing() -> None:
    assert check_performance(DayEvidence("d"), DecidingMetric("roc_auc", 0.8), 0.02) == Unknown(
        "the metric has no value or no baseline"
    )
    assert check_performance(DayEvidence("d", {}, {"roc_auc": {"value": 0.5}}, None), None, 0.02) == Unknown(
        "the metric has no value or no baseline"
    )


def test_latency_rejections_volume_and_nulls_have_their_units() -> None:
    assert (
        held(check_latency({"latency": {"p95": 310.4, "p50": 20.0}}, 250)).text
        == "Latency: 95th percentile 310 ms, 250 ms are allowed"
    )
    assert check_latency({"latency": {"p95": 100.0, "p50": 20.0}}, 250) is None
    assert check_latency({"latency": None}, 250) == Unknown("no latency was measured")
    found = held(check_rejections(90, {"latency_ms": 4, "y_pred": 6}, 0.05))
    assert found.text == "10.0 % of the rows were rejected (10 of 100), 5.0 % are allowed"
    assert list(found.lines) == ["y_pred: 6 rows", "latency_ms: 4 rows"]
    assert check_rejections(0, {}, 0.05) == Unknown("no rows were received")
    assert check_volume(900, 1000.0, 0.2) is None
    assert check_volume(900, None, 0.2) == Unknown("there is no usual number of events yet")
    features = {"a": {"count": 10, "nulls": 9}, "b": {"count": 10, "nulls": 0}}
    assert held(check_nulls({"features": features}, 0.5)).lines == ["a: 90.0 % null"]
    assert check_nulls({"features": {}}, 0.5) == Unknown("there are no features")


def test_days_count_among_those_that_could_be_judged() -> None:
    bad = Finding("x", 1.0)
    days = [JudgedDay("1", bad), JudgedDay("2", None), JudgedDay("4", bad), JudgedDay("9", bad)]
    found = evaluate_days(days, 2, 3)
    assert found is not None
    assert (found.day, found.since_day, found.held_days, found.judged_days) == ("9", "4", 2, 3)
    assert evaluate_days([], 1, 1) is None
    calm = evaluate_days([*days, JudgedDay("10", None), JudgedDay("11", None)], 2, 3)
    assert calm is not None
    assert calm.finding is None
