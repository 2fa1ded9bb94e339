"""Curves of an evaluation as data: their ends, their size, and what does not exist."""

import numpy as np
import pytest

from ml.monitoring.performance.tasks import Target
from ml.retraining.promotion import Answers
from ml.retraining.training.curves import MAX_POINTS, curves_of

RNG = np.random.default_rng(7)
BINARY = Target("binary", "1")


def binary(n: int) -> tuple[np.ndarray, Answers]:
    score = RNG.random(n)
    true = np.where(RNG.random(n) < score, "1", "0")
    return true, Answers(np.where(score > 0.5, "1", "0"), score)


def test_a_curve_of_many_rows_has_few_points_and_keeps_its_ends_and_its_area() -> None:
    true, answers = binary(20_000)
    curves = curves_of(BINARY, true, {"candidate": answers})["candidate"]
    for name in ("roc", "precision_recall"):
        assert 100 < len(curves[name]["x"]) == len(curves[name]["y"]) <= MAX_POINTS
        assert curves[name]["x"] == sorted(curves[name]["x"])
    assert (curves["roc"]["x"][0], curves["roc"]["y"][0]) == (0, 0)
    assert (curves["roc"]["x"][-1], curves["roc"]["y"][-1]) == (1, 1)
    # The ROC AUC of calibrated uniform scores is 5/6.
    assert np.trapezoid(curves["roc"]["y"], curves["roc"]["x"]) == pytest.approx(5 / 6, abs=0.01)


def test_few_rows_give_the_exact_points() -> None:
    answers = Answers(np.array(["0", "1", "1", "0"]), np.array([0.1, 0.9, 0.6, 0.45]))
    curves = curves_of(BINARY, np.array(["0", "1", "0", "1"]), {"candidate": answers})["candidate"]
    assert curves["roc"] == {"x": [0, 0, 0.5, 0.5, 1], "y": [0, 0.5, 0.5, 1, 1]}
    assert curves["calibration"] == {"x": [0.1, 0.45, 0.6, 0.9], "y": [0, 1, 0, 1], "rows": [1, 1, 1, 1]}


def test_one_class_has_a_calibration_and_no_roc() -> None:
    answers = Answers(np.array(["1", "1"]), np.array([0.8, 1.0]))
    curves = curves_of(BINARY, np.array(["1", "1"]), {"candidate": answers})["candidate"]
    assert curves == {"calibration": {"x": [0.8, 1.0], "y": [1, 1], "rows": [1, 1]}}


def test_the_calibration_of_several_classes_is_that_of_the_predicted_class() -> None:
    answers = Answers(np.array(["a", "b", "c", "c"]), np.array([0.75, 0.75, 0.75, 0.75]))
    curves = curves_of(Target("multiclass"), np.array(["a", "b", "c", "a"]), {"candidate": answers})["candidate"]
    assert curves == {"calibration": {"x": [0.75], "y": [0.75], "rows": [4]}}


def test_a_regression_has_quantiles_of_the_labels_by_prediction_and_residuals() -> None:
    true = np.arange(100.0)
    curves = curves_of(Target("regression"), true, {"candidate": Answers(true + 1, None)})["candidate"]
    assert curves["actual"]["x"][:2] == [3, 8]
    assert curves["actual"]["y"][:2] == [2, 7]
    assert (curves["actual"]["low"][0], curves["actual"]["high"][0]) == (0.4, 3.6)
    assert sum(curves["residuals"]["rows"]) == 100
    assert curves["residuals"]["edges"][0] <= -1 <= curves["residuals"]["edges"][-1]


def test_without_rows_there_are_no_curves() -> None:
    empty = Answers(np.array([], dtype=object), np.array([]))
    assert curves_of(BINARY, np.array([], dtype=object), {"candidate": empty}) == {"candidate": {}}
