"""The retrain rule: which evidence asks for retraining, and what holds it back."""

from dataclasses import replace
from typing import Any

import pytest

from guard_core.project_settings.retrain import RetrainSettings
from guard_core.project_settings.section import ProjectSettingsError
from guard_store.retraining.reasons import reason_text
from ml.monitoring.performance.day_comparison import DayValue
from ml.retraining.rule import DayEvidence, DecidingMetric, ModelState, recommend

MODEL = ModelState(DecidingMetric("roc_auc", 0.80), {}, age_days=10, days_since_flag=None, labelled_rows=10_000)
SETTINGS = RetrainSettings()


def metric(value: float, low: float, high: float) -> dict[str, dict[str, Any]]:
    return {"roc_auc": {"value": value, "low": low, "high": high, "n": 900}}


def days(*evidence: DayEvidence) -> list[DayEvidence]:
    return [replace(one, day=f"2024-05-{place + 1:02}") for place, one in enumerate(evidence)]


DRIFTED = DayEvidence("", {"feature_a": "drift", "feature_b": "stable", "feature_c": "stable"})
STABLE = DayEvidence("", {"feature_a": "stable", "feature_b": "stable", "feature_c": "warning"})
WORSE = DayEvidence("", realised=metric(0.70, 0.67, 0.73))
CHANCE = DayEvidence("", realised=metric(0.77, 0.72, 0.82))


def rules(*evidence: DayEvidence, model: ModelState = MODEL, settings: RetrainSettings = SETTINGS) -> list[str]:
    return [reason["rule"] for reason in recommend(days(*evidence), model, settings).reasons]


def test_drift_of_enough_features_on_enough_days_is_a_reason_with_its_numbers() -> None:
    found = recommend(days(STABLE, DRIFTED, DRIFTED), MODEL, SETTINGS)
    assert found.recommended
    assert found.reasons[0] == {
        "rule": "drifted_features",
        "share": pytest.approx(1 / 3),
        "min_drifted_share": 0.3,
        "features": ["feature_a"],
        "days": ["2024-05-02", "2024-05-03"],
    }


def test_one_day_is_not_enough_and_old_days_do_not_count() -> None:
    assert rules(STABLE, STABLE, DRIFTED) == []
    assert rules(DRIFTED, DRIFTED, STABLE, STABLE, STABLE) == []


def test_a_drifted_feature_weighs_as_much_as_the_model_lives_by_it() -> None:
    important = replace(MODEL, importance={"feature_a": 0.9, "feature_b": 0.1})
    unimportant = replace(MODEL, importance={"feature_a": 0.1, "feature_b": 0.9})
    assert rules(DRIFTED, DRIFTED, model=important) == ["drifted_features"]
    assert rules(DRIFTED, DRIFTED, model=unimportant) == []


def test_a_drop_counts_only_where_it_cannot_be_chance() -> None:
    assert rules(WORSE, WORSE) == ["performance"]
    assert rules(CHANCE, CHANCE) == []


def test_labels_decide_where_there_are_any_else_the_estimate() -> None:
    estimated = DayEvidence("", estimated=metric(0.70, 0.67, 0.73))
    found = recommend(days(estimated, estimated), MODEL, SETTINGS).reasons[0]
    assert found["kind"] == "estimated"
    fine = replace(estimated, realised=metric(0.80, 0.78, 0.82))
    assert rules(fine, fine) == []


def test_errors_that_grow_are_a_reason_of_a_regression() -> None:
    model = replace(MODEL, metric=DecidingMetric("mae", 2.0))
    grown = DayEvidence("", realised={"mae": {"value": 2.5, "low": 2.3, "high": 2.7}})
    shrunk = DayEvidence("", realised={"mae": {"value": 1.5, "low": 1.3, "high": 1.7}})
    assert rules(grown, grown, model=model) == ["performance"]
    assert rules(shrunk, shrunk, model=model) == []


def daily(values: list[float], first: int = 1) -> list[DayValue]:
    return [DayValue(f"2024-05-{first + place:02}", value, 900) for place, value in enumerate(values)]


USUAL = [0.80, 0.74, 0.86, 0.79, 0.81, 0.75, 0.85, 0.78, 0.82, 0.80]


def compared(now: list[float]) -> ModelState:
    before = [DayValue(f"2024-04-{place:02}", value, 900) for place, value in enumerate(USUAL, 1)]
    return replace(MODEL, metric=DecidingMetric("roc_auc", 0.80, {"realised": before}, {"realised": daily(now)}))


def test_a_bad_day_is_no_reason_where_days_differ_anyway() -> None:
    usual = compared([0.81, 0.79, 0.70])
    assert rules(STABLE, WORSE, WORSE, model=replace(MODEL, metric=DecidingMetric("roc_auc", 0.80))) == ["performance"]
    assert rules(STABLE, WORSE, WORSE, model=usual) == []


def test_a_week_of_worse_days_is_a_reason_at_once_with_the_days_it_was_compared_by() -> None:
    model = compared([0.70, 0.66, 0.72, 0.69, 0.71])
    evidence = days(STABLE, STABLE, STABLE, STABLE, WORSE)
    (reason,) = recommend(evidence, model, SETTINGS).reasons
    assert (reason["rule"], reason["days"], reason["compared_days"]) == ("performance", ["2024-05-05"], 5)
    assert reason["baseline"] == pytest.approx(0.80)
    assert reason["high"] < reason["baseline"]
    assert reason["p_value"] < 0.01
    assert reason_text(reason) == "realised ROC AUC is 0.696 over 5 days, 0.800 in the baseline"


def test_days_after_the_evaluated_one_do_not_count() -> None:
    model = compared([0.80, 0.79, 0.81, *[0.6] * 5])
    assert rules(STABLE, STABLE, replace(WORSE), model=model) == []


def test_a_baseline_without_daily_values_is_compared_by_rows_and_tells_why() -> None:
    (reason,) = recommend(days(WORSE, WORSE), MODEL, SETTINGS).reasons
    assert reason["note"] == "rows of one day compared: the baseline has fewer than 5 days with a value"


def test_drifted_predictions_are_a_reason_unless_switched_off() -> None:
    day = DayEvidence("", {"y_proba": "drift", "feature_a": "stable"})
    assert rules(day, day) == ["prediction_drift"]
    assert rules(day, day, settings=RetrainSettings(prediction_drift=False)) == []


def test_an_old_model_is_a_reason_and_one_that_is_not_ours_has_no_age() -> None:
    assert rules(STABLE, model=replace(MODEL, age_days=91)) == ["age"]
    assert rules(STABLE, model=replace(MODEL, age_days=90)) == []
    assert rules(STABLE, model=replace(MODEL, age_days=None)) == []


@pytest.mark.parametrize(
    ("model", "settings", "rule"),
    [
        (replace(MODEL, days_since_flag=13), SETTINGS, "cooldown"),
        (replace(MODEL, labelled_rows=499), SETTINGS, "labelled_rows"),
        (replace(MODEL, missing_rows=1), SETTINGS, "labelled_rows"),
        (MODEL, RetrainSettings(enabled=False), "enabled"),
    ],
)
def test_reasons_are_shown_but_held_back(model: ModelState, settings: RetrainSettings, rule: str) -> None:
    found = recommend(days(DRIFTED, DRIFTED), model, settings)
    assert not found.recommended
    assert [reason["rule"] for reason in found.reasons] == ["drifted_features"]
    assert [reason["rule"] for reason in found.against] == [rule]


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(ProjectSettingsError, match="min_drifted_share: must be at most 1, got 2"):
        RetrainSettings.from_dict({"min_drifted_share": 2})
    with pytest.raises(ProjectSettingsError, match="days: 4 of 3 days cannot be"):
        RetrainSettings.from_dict({"days": 4})
