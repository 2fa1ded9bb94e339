"""Calibrators: smooth where rows are few, of steps where the shape needs it; stored ones of either kind are applied."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ml.monitoring.performance.beta_calibration import apply_beta, bounds_of, fit_beta
from ml.monitoring.performance.calibration import calibrate, calibrate_by_replicas, fit_calibrator


def sigmoid(logit: Any) -> Any:
    return 1 / (1 + np.exp(-logit))


def drawn(n: int, seed: int, slope: float = 1.8) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    logit = rng.normal(-0.7, 1.4, n)
    return sigmoid(slope * logit), (rng.random(n) < sigmoid(logit)).astype(float)


def test_beta_calibration_is_the_logistic_regression_of_its_two_logarithms() -> None:
    score, true = drawn(2000, 1)
    fitted = fit_beta(score, np.ones((1, 2000)), true[None])
    peer = LogisticRegression(C=1e6).fit(np.column_stack([np.log(score), -np.log1p(-score)]), true)
    assert fitted[0] == pytest.approx([*peer.coef_[0], peer.intercept_[0]], abs=0.02)


def test_coefficients_are_finite_and_not_negative_for_rows_of_one_class_or_reversed_scores() -> None:
    score, true = drawn(300, 1)
    fitted = fit_beta(score, np.ones((3, 300)), np.stack([np.zeros(300), np.ones(300), 1 - true]))
    assert np.isfinite(fitted).all()
    assert (fitted[:, :2] >= 0).all()


def test_scores_of_0_and_1_among_votes_are_not_taken_for_certainty() -> None:
    score, true = drawn(500, 1)
    votes = score.round(1)
    bounds = bounds_of(votes)
    shares = apply_beta(fit_beta(votes, np.ones((1, 500)), true[None], bounds), np.array([0.0, 1.0]), bounds)[0]
    observed = [true[votes == end].mean() for end in (0.0, 1.0)]
    assert shares == pytest.approx(observed, abs=0.06)


def test_few_rows_have_a_smooth_calibrator() -> None:
    assert "coefficients" in fit_calibrator(*drawn(200, 1), np.random.default_rng(1))


def test_many_rows_of_a_shape_that_is_not_smooth_have_one_of_steps() -> None:
    rng = np.random.default_rng(1)
    score = rng.uniform(size=5000)
    true = (rng.random(5000) < np.where(score < 0.3, 0.05, np.where(score < 0.7, 0.5, 0.55))).astype(float)
    assert "x" in fit_calibrator(score, true, rng)


def test_a_stored_isotonic_calibrator_is_applied_as_before() -> None:
    stored = {"x": [0.2, 0.6], "y": [0.1, 0.5], "grid": [0.2, 0.6], "replicas": [[0.1, 0.5], [0.2, 0.4]]}
    assert calibrate(stored, np.array([0.0, 0.4, 1.0])) == pytest.approx([0.1, 0.3, 0.5])
    assert calibrate_by_replicas(stored, np.array([0.4])).ravel() == pytest.approx([0.3, 0.3])
