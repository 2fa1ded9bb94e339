"""Realised performance against scikit-learn, its intervals, and what it says where a metric does not exist."""

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from ml.monitoring.performance.realised import realised


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def scored(n: int, *, digits: int = 12) -> tuple[Any, Any, Any]:
    """Labels, predictions and probabilities that are right on average."""
    draw = rng()
    proba = draw.uniform(size=n).round(digits)
    true = draw.uniform(size=n) < proba
    return np.where(true, "1", "0"), np.where(proba > 0.4, "1", "0"), proba


@pytest.mark.parametrize("digits", [12, 1])
def test_binary_metrics_are_those_of_scikit_learn(digits: int) -> None:
    true, predicted, proba = scored(2_000, digits=digits)
    found: Any = realised("binary", true, predicted, proba, rng=rng(), intervals=False)
    y, p = true == "1", predicted == "1"
    expected = {
        "accuracy": metrics.accuracy_score(y, p),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, p),
        "precision": metrics.precision_score(y, p),
        "recall": metrics.recall_score(y, p),
        "f1": metrics.f1_score(y, p),
        "roc_auc": metrics.roc_auc_score(y, proba),
        "pr_auc": metrics.average_precision_score(y, proba),
        "log_loss": metrics.log_loss(y, np.clip(proba, 1e-15, 1 - 1e-15)),
        "brier": metrics.brier_score_loss(y, proba),
    }
    assert {name: found["metrics"][name]["value"] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert found["n"] == 2_000


def test_multiclass_metrics_are_those_of_scikit_learn() -> None:
    draw = rng()
    true = draw.choice(["cat", "dog", "owl"], 500)
    predicted = np.where(draw.uniform(size=500) < 0.7, true, "dog")
    found: Any = realised("multiclass", true, predicted, np.full(500, 0.7), rng=rng(), intervals=False)
    values = {name: entry["value"] for name, entry in found["metrics"].items()}
    assert values["accuracy"] == pytest.approx(metrics.accuracy_score(true, predicted))
    assert values["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(true, predicted))
    assert values["f1"] == pytest.approx(metrics.f1_score(true, predicted, average="macro"))
    assert values["roc_auc"] is None
    assert "probability of every class" in found["metrics"]["roc_auc"]["reason"]


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_regression_metrics_are_those_of_scikit_learn(offset: float) -> None:
    draw = rng()
    true = draw.normal(5, 2, 400) + offset
    predicted = true + draw.normal(0.3, 1, 400)
    found: Any = realised("regression", true, predicted, None, rng=rng())
    expected = {
        "mae": metrics.mean_absolute_error(true, predicted),
        "rmse": metrics.root_mean_squared_error(true, predicted),
        "r2": metrics.r2_score(true, predicted),
        "mape": metrics.mean_absolute_percentage_error(true, predicted),
    }
    assert {name: found["metrics"][name]["value"] for name in expected} == pytest.approx(expected, rel=1e-6)
    assert all(entry["low"] <= entry["value"] <= entry["high"] for entry in found["metrics"].values())


def test_intervals_hold_the_true_value_about_as_often_as_they_say() -> None:
    draw, held = rng(), 0
    for _ in range(200):
        proba = draw.uniform(size=300)
        true = np.where(draw.uniform(size=300) < proba, "1", "0")
        found: Any = realised("binary", true, true, proba, rng=draw)
        entry = found["metrics"]["roc_auc"]
        held += entry["low"] <= 5 / 6 <= entry["high"]  # of uniform, calibrated scores
    assert 180 <= held <= 198


def test_intervals_of_many_rows_are_as_those_of_exact_resamples() -> None:
    true, predicted, proba = scored(30_000)
    binned: Any = realised("binary", true, predicted, proba, rng=rng())
    rounded: Any = realised("binary", true, predicted, proba.round(3), rng=rng())
    for name in ("roc_auc", "brier", "accuracy"):
        one, other = (found["metrics"][name] for found in (binned, rounded))
        assert one["high"] - one["low"] == pytest.approx(other["high"] - other["low"], rel=0.25)


def test_what_does_not_exist_is_null_with_its_reason() -> None:
    one_class: Any = realised("binary", np.array(["1", "1", None], object), ["1", "0", "1"], [0.9, 0.4, 0.5], rng=rng())
    assert one_class["n"] == 2
    assert one_class["metrics"]["roc_auc"] == {
        "value": None,
        "low": None,
        "high": None,
        "n": 2,
        "reason": "only one class among the labels",
    }
    without: Any = realised("binary", ["1", "0"], ["1", "0"], None, rng=rng())
    assert without["metrics"]["accuracy"]["value"] == 1
    assert without["metrics"]["brier"]["reason"] == "no labelled row has a probability"
    with pytest.raises(ValueError, match="differ in length"):
        realised("regression", [1.0], [1.0, 2.0], None, rng=rng())
