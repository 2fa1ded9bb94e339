"""Labels that mean the same are equal, and the task of a model is guessed or set."""

import numpy as np
import pytest

from guard_core.project_settings.labels import LabelSettings
from guard_core.project_settings.section import ProjectSettingsError
from ml.monitoring.performance.labels import as_labels, as_numbers, label_key
from ml.monitoring.performance.realised import realised
from ml.monitoring.performance.tasks import Target, target_of


@pytest.mark.parametrize(
    "same", [(1, 1.0, "1", "1.0", True, "true", "Yes", "yes "), (0, "0.0", False, "NO"), (2, "2.0")]
)
def test_values_that_mean_the_same_label_have_one_key(same: tuple[object, ...]) -> None:
    assert len(set(as_labels(np.array(same, dtype=object)))) == 1


def test_codes_and_other_words_stay_apart() -> None:
    assert len({label_key(value) for value in ("1", "01", "1_0", "10", "-1", "NA", "None", "churned")}) == 8


@pytest.mark.parametrize("missing", [None, float("nan"), "NaN", ""])
def test_nan_is_a_missing_label(missing: object) -> None:
    assert label_key(missing) is None
    assert np.isnan(as_numbers(np.array([missing, "2"], dtype=object))).tolist() == [True, False]


@pytest.mark.parametrize(
    ("counts", "positive"),
    [
        ({"Yes": 30, "No": 70}, "Yes"),
        ({"1": 30, "2": 70}, "2"),
        ({"true": 20, "1": 10, "0": 60, "false": 10}, "true"),
        ({"churned": 30, "stayed": 70}, "churned"),
        ({"a": 30, "b": 70, "c": 1}, "a"),
    ],
)
def test_any_two_labels_are_binary(counts: dict[str, int], positive: str) -> None:
    assert target_of(LabelSettings(), ["categorical"], counts) == Target("binary", positive, ("task", "positive"))


def test_settings_take_precedence_over_the_guess() -> None:
    counts = {"churned": 30, "Stayed": 70}
    assert target_of(LabelSettings(positive="stayed"), [], counts).positive == "Stayed"
    assert target_of(LabelSettings(task="ordinal"), ["categorical"], {"1": 9, "2": 9}) == Target("ordinal")
    assert target_of(LabelSettings(task="classification"), ["numeric"], {"1": 9, "2": 9}).task == "binary"


def test_predicted_numbers_of_counted_labels_are_a_regression() -> None:
    assert target_of(LabelSettings(), ["categorical", "numeric"], {"0": 9, "1": 9, "3": 9}).task == "regression"


def test_a_positive_label_of_numbers_is_refused() -> None:
    with pytest.raises(ProjectSettingsError, match="positive: only classes have a positive label"):
        LabelSettings.from_dict({"task": "regression", "positive": "1"})


def test_predictions_and_labels_in_other_spellings_are_hits() -> None:
    true, predicted = ["Yes", "No", "yes", "no"], [1, 0, 1.0, False]
    result = realised("binary", true, np.array(predicted, dtype=object), None, rng=np.random.default_rng(1))
    assert result["metrics"]["accuracy"]["value"] == 1  # type: ignore[index]
    assert result["metrics"]["recall"]["value"] == 1  # type: ignore[index]


def test_composed_and_decomposed_letters_are_one_label() -> None:
    assert label_key("Caf\u00e9") == label_key("CAFE\u0301")
