"""Performance without labels: right where scores keep their meaning, checked when labels come."""

import json
from typing import Any

import numpy as np
import pytest

from ml.monitoring.performance.check import check_estimate
from ml.monitoring.performance.estimated import estimated
from ml.monitoring.performance.realised import realised
from ml.monitoring.performance.reference import measure_days, reference_of
from ml.monitoring.performance.tasks import Target, Task


def skewed(n: int, seed: int, centre: float) -> tuple[Any, Any, Any]:
    """A model whose scores say too much by half: labels, predictions, scores."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(centre, 1.5, n)
    true = rng.uniform(size=n) < 1 / (1 + np.exp(-logit))
    score = 1 / (1 + np.exp(-1.5 * logit))
    return np.where(true, "1", "0"), np.where(score > 0.5, "1", "0"), score


def reference(task: Task, true: Any, predicted: Any, score: Any) -> dict[str, object]:
    found = reference_of(Target(task), true, predicted, score, np.random.default_rng(1))
    stored: dict[str, object] = json.loads(json.dumps(found, allow_nan=False))
    return stored


@pytest.mark.parametrize("centre", [-1.0, 0.0, 0.7])
def test_cbpe_follows_a_shift_of_the_scores(centre: float) -> None:
    known = reference("binary", *skewed(20_000, 1, 0.0))
    true, predicted, score = skewed(20_000, 2, centre)
    expected: Any = estimated("binary", known, predicted, score)
    found: Any = realised("binary", true, predicted, score, rng=np.random.default_rng(3))
    checked: Any = check_estimate(expected, found)
    for name in ("accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc", "log_loss", "brier"):
        assert abs(checked["metrics"][name]["error"]) < 0.025, name
    raw: Any = reference("binary", true, predicted, score)["metrics"]
    assert expected["metrics"]["roc_auc"]["value"] == pytest.approx(raw["roc_auc"]["value"], abs=0.01)


def test_cbpe_of_several_classes_estimates_how_often_the_prediction_is_right() -> None:
    rng = np.random.default_rng(5)
    score = rng.uniform(0.4, 1, 20_000)
    right = rng.uniform(size=score.size) < score**2
    predicted = rng.choice(["cat", "dog", "owl"], score.size)
    true = np.where(right, predicted, "elk")
    known = reference("multiclass", true[:10_000], predicted[:10_000], score[:10_000])
    expected: Any = estimated("multiclass", known, predicted[10_000:], score[10_000:])
    assert expected["metrics"]["accuracy"]["value"] == pytest.approx(right[10_000:].mean(), abs=0.015)
    assert expected["metrics"]["f1"]["value"] is None


def test_dle_knows_that_large_predictions_are_less_sure() -> None:
    def rows(n: int, low: float, high: float, seed: int) -> tuple[Any, Any]:
        rng = np.random.default_rng(seed)
        predicted = rng.uniform(low, high, n)
        return predicted + rng.normal(0, predicted / 5), predicted

    known = reference("regression", *rows(20_000, 1, 10, 1), None)
    true, predicted = rows(10_000, 7, 10, 2)
    expected: Any = estimated("regression", known, predicted, None)
    found: Any = realised("regression", true, predicted, None, rng=np.random.default_rng(3))
    for name in ("mae", "rmse", "mape"):
        assert expected["metrics"][name]["value"] == pytest.approx(found["metrics"][name]["value"], rel=0.05)
    whole: Any = known["metrics"]
    assert expected["metrics"]["mae"]["value"] > 1.4 * whole["mae"]["value"]


def test_the_same_rows_give_the_same_band() -> None:
    known = reference("binary", *skewed(2_000, 1, 0.0))
    _, predicted, score = skewed(500, 2, 0.0)
    assert estimated("binary", known, predicted, score) == estimated("binary", known, predicted, score)


def test_a_band_is_wider_where_the_reference_is_small() -> None:
    _, predicted, score = skewed(2_000, 2, 0.0)
    small: Any = estimated("binary", reference("binary", *skewed(150, 1, 0.0)), predicted, score)
    large: Any = estimated("binary", reference("binary", *skewed(20_000, 1, 0.0)), predicted, score)
    width = [one["metrics"]["accuracy"]["high"] - one["metrics"]["accuracy"]["low"] for one in (small, large)]
    assert width[0] > 1.2 * width[1]


def test_a_small_reference_does_not_count_noise_as_skill() -> None:
    errors, held = [], 0
    for seed in range(60):
        known = reference("binary", *skewed(200, 1000 + seed, 0.0))
        true, predicted, score = skewed(1000, 2000 + seed, 0.0)
        estimate: Any = estimated("binary", known, predicted, score)["metrics"]
        found: Any = realised("binary", true, predicted, score, rng=np.random.default_rng(3), intervals=False)
        value = found["metrics"]["roc_auc"]["value"]
        errors.append(estimate["roc_auc"]["value"] - value)
        held += estimate["roc_auc"]["low"] <= value <= estimate["roc_auc"]["high"]
    assert abs(np.mean(errors)) <= 0.01
    assert held >= 52  # of 60; 95 % is 57


def test_perfect_scores_have_the_calibration_error_that_labels_will_show() -> None:
    rng = np.random.default_rng(1)
    score = rng.uniform(size=20_000)
    known = reference(
        "binary", (rng.random(score.size) < score).astype(int).astype(str), score.round().astype(str), score
    )
    day = rng.uniform(size=500)
    estimate: Any = estimated("binary", known, day.round().astype(str), day)["metrics"]
    errors = []
    for _ in range(200):
        true = (rng.random(500) < day).astype(int).astype(str)
        found: Any = realised("binary", true, day.round().astype(str), day, rng=rng, positive="1", intervals=False)
        errors.append(found["metrics"]["calibration_error"]["value"])
    assert estimate["calibration_error"]["value"] == pytest.approx(np.mean(errors), abs=0.006)


def test_a_band_contains_days_that_differ_by_more_than_chance() -> None:
    rng = np.random.default_rng(1)

    def day() -> tuple[Any, Any, Any]:
        logit = rng.normal(0, 1.5, 500)
        true = rng.uniform(size=500) < 1 / (1 + np.exp(-logit - rng.normal(0, 1)))
        return np.where(true, "1", "0"), np.where(logit > 0, "1", "0"), 1 / (1 + np.exp(-logit))

    days = [day() for _ in range(28)]
    known = reference("binary", *(np.concatenate(part) for part in zip(*days, strict=True)))
    by_day = {**known, "days": measure_days(known, {f"{at:02}": one for at, one in enumerate(days)})}
    held = {"rows": 0, "days": 0}
    for _ in range(60):
        true, predicted, score = day()
        found: Any = realised("binary", true, predicted, score, rng=rng, intervals=False)
        for name, present in (("rows", known), ("days", by_day)):
            estimate: Any = estimated("binary", present, predicted, score)
            band = estimate["metrics"]["brier"]
            held[name] += band["low"] <= found["metrics"]["brier"]["value"] <= band["high"]
    assert held["rows"] < 45
    assert held["days"] >= 52


def test_too_few_labelled_rows_give_no_estimate_but_a_reason() -> None:
    known = reference("binary", *skewed(50, 1, 0.0))
    found: Any = estimated("binary", known, ["1"], [0.5])
    assert found["metrics"]["roc_auc"]["value"] is None
    assert found["metrics"]["roc_auc"]["reason"] == "the reference has no calibrator"


def prices(n: int, seed: int, abroad: float) -> tuple[Any, Any, dict[str, Any]]:
    """True prices, predictions, and features, of which the region decides the size of the error."""
    rng = np.random.default_rng(seed)
    region = np.where(rng.random(n) < abroad, "abroad", "here").astype(object)
    carat = np.where(rng.random(n) < 0.1, np.nan, rng.uniform(size=n))
    predicted = rng.uniform(30, 40, n)
    true = predicted + np.where(region == "abroad", 5.0, 1.0) * rng.normal(size=n)
    return true, predicted, {"region": region, "carat": carat}


def test_dle_follows_a_mix_of_features_that_the_prediction_does_not_show() -> None:
    true, predicted, features = prices(5_000, 1, 0.1)
    found = reference_of(Target("regression"), true, predicted, None, np.random.default_rng(1), features)
    known: Any = json.loads(json.dumps(found, allow_nan=False))
    true, predicted, features = prices(5_000, 2, 0.6)
    measured: Any = realised("regression", true, predicted, None, rng=np.random.default_rng(3))["metrics"]
    by_features: Any = estimated("regression", known, predicted, None, features=features)["metrics"]
    by_size: Any = estimated("regression", known, predicted, None)["metrics"]
    for name in ("mae", "rmse", "mape"):
        value = measured[name]["value"]
        assert by_features[name]["value"] == pytest.approx(value, rel=0.07), name
        assert by_features[name]["low"] <= value <= by_features[name]["high"], name
        assert by_size[name]["value"] < 0.7 * value, name


def test_a_feature_that_a_day_lacks_and_a_category_that_is_new_are_missing_values() -> None:
    true, predicted, features = prices(1_000, 1, 0.3)
    known = reference_of(Target("regression"), true, predicted, None, np.random.default_rng(1), features)
    unknown = {"region": np.full(1_000, "elsewhere", object)}
    estimate: Any = estimated("regression", known, predicted, None, features=unknown)["metrics"]
    assert 0.5 < estimate["mae"]["value"] < 4.5


def test_a_band_of_dle_contains_days_that_differ_by_more_than_chance() -> None:
    rng = np.random.default_rng(1)
    days = {}
    for at in range(14):
        true, predicted, features = prices(100, at, 0.1)
        days[f"{at:02}"] = true + rng.normal(0, 2), predicted, features
    columns = {day: (true, predicted, None) for day, (true, predicted, _) in days.items()}
    by_day = {day: features for day, (_, _, features) in days.items()}
    whole = {name: np.concatenate([features[name] for features in by_day.values()]) for name in ("region", "carat")}
    true, predicted = (np.concatenate([day[at] for day in days.values()]) for at in (0, 1))
    known = reference_of(Target("regression"), true, predicted, None, rng, whole)
    _, predicted, features = prices(1_000, 99, 0.1)
    of_rows: Any = estimated("regression", known, predicted, None, features=features)
    measured = {**known, "days": measure_days(known, columns, by_day)}
    of_days: Any = estimated("regression", measured, predicted, None, features=features)
    rows, varied = of_rows["metrics"]["mae"], of_days["metrics"]["mae"]
    assert varied["high"] - varied["low"] > 1.5 * (rows["high"] - rows["low"])
