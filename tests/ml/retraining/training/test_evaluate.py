"""The evaluation of a candidate: what is compared, and what is written about it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from guard_core.project_settings.promotion import PromotionSettings
from guard_core.project_settings.training import TrainingSpec
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.training.cards import lake_facts
from ml.retraining.training.evaluate import HeldOut, evaluate, write_evaluation
from ml.retraining.training.train import train
from tests.ml.retraining.training.samples import labelled_rows

FACTS = {
    "name": "p/m",
    "algorithm": "linear",
    "flag": "flag-1",
    "reasons": ["age: 100 days"],
    "data_version": 3,
    "trained_from": "2024-03-01",
    "trained_to": "2024-03-02",
    "held_from": "2024-03-03",
    "held_to": "2024-03-04",
    "rows": 3000,
    "held_rows": 2000,
    "code_version": "0.1.0",
    "scores": {"linear": 0.9},
    "threshold_reason": "as stated",
    "left_out": {"id": "has 500 values"},
    "rare_labels": {"unknown": 1},
    **lake_facts("flag-1"),
}


def model_of(shift: float, task: str = "binary") -> NativePredictor:
    rows = labelled_rows(task=task, shift=shift)
    trained = train(rows, TrainingSpec(algorithms=("linear",)), lambda _: None, 7)
    return NativePredictor(trained.pipeline, trained.schema)


def held_out(task: str = "binary") -> HeldOut:
    return HeldOut(labelled_rows(2_000, task=task, seed=2), labelled_rows(task=task))


def test_a_first_model_is_compared_with_a_trivial_baseline() -> None:
    for task in ("binary", "multiclass", "regression"):
        found, answers = evaluate(
            model_of(0, task), None, held_out(task), PromotionSettings(), np.random.default_rng(1)
        )
        assert found["against"] == "trivial baseline"
        assert found["promote"], found["reasons"]
        assert set(answers) == {"candidate", "trivial baseline"}


def test_a_model_of_an_old_relation_loses_against_one_of_the_new() -> None:
    old, new = model_of(0.8), model_of(0)
    rng = np.random.default_rng(1)
    assert evaluate(new, old, held_out(), PromotionSettings(), rng)[0]["promote"]
    found = evaluate(old, new, held_out(), PromotionSettings(), rng)[0]
    assert not found["promote"]
    assert "ROC AUC is not surely better" in found["reasons"][0]


def as_target(model: NativePredictor, task: Any, positive: str | None, threshold: float = 0.5) -> NativePredictor:
    """The same fitted model, as it is stored with another target."""
    return NativePredictor(
        model.pipeline, replace(model.schema, task=task, positive_label=positive, threshold=threshold)
    )


@pytest.mark.parametrize(("task", "positive"), [("binary", "0"), ("multiclass", None)])
def test_a_champion_of_the_same_labels_is_compared_whatever_its_positive_label_and_task(
    task: str, positive: str | None
) -> None:
    champion = model_of(0)
    evaluation, answers = evaluate(
        model_of(0.8), as_target(champion, task, positive), held_out(), PromotionSettings(), np.random.default_rng(1)
    )
    usual, same = evaluate(model_of(0.8), champion, held_out(), PromotionSettings(), np.random.default_rng(1))
    assert evaluation["against"] == "champion"
    assert not evaluation["promote"]
    assert evaluation["gain"] == usual["gain"]
    np.testing.assert_array_equal(answers["champion"].y_proba, same["champion"].y_proba)
    assert evaluation["champion"] == usual["champion"]


def test_a_champion_keeps_the_predictions_of_its_threshold_under_another_positive_label() -> None:
    champion = as_target(model_of(0), "binary", "0", threshold=0.9)
    _, answers = evaluate(model_of(0), champion, held_out(), PromotionSettings(), np.random.default_rng(1))
    proba = answers["champion"].y_proba
    assert proba is not None
    assert ((answers["champion"].y_pred == "0") == (1 - proba >= 0.9)).all()


def test_a_champion_of_two_classes_is_compared_by_accuracy_with_a_candidate_of_three() -> None:
    rows = held_out("multiclass")
    labels = pa.array(["middle" if label == "low" else label for label in rows.trained_on["y_true"].to_pylist()])
    pair = rows.trained_on.set_column(rows.trained_on.schema.get_field_index("y_true"), "y_true", labels)
    trained = train(pair, TrainingSpec(algorithms=("linear",)), lambda _: None, 7)
    champion = NativePredictor(trained.pipeline, trained.schema)
    assert champion.schema.task == "binary"
    evaluation, answers = evaluate(
        model_of(0, "multiclass"), champion, rows, PromotionSettings(), np.random.default_rng(1)
    )
    assert evaluation["against"] == "champion"
    assert evaluation["promote"]
    assert (np.asarray(answers["champion"].y_proba) >= 0.5).all()


def test_a_regression_is_no_champion_of_classes() -> None:
    evaluation, _ = evaluate(
        model_of(0), model_of(0, "regression"), held_out(), PromotionSettings(), np.random.default_rng(1)
    )
    assert evaluation["against"] == "trivial baseline"


def test_a_classifier_of_numbers_is_compared_with_a_regression_by_its_numbers(tmp_path: Path) -> None:
    candidate = as_target(model_of(0, "regression"), "ordinal", None)
    candidate = NativePredictor(candidate.pipeline, replace(candidate.schema, classes=("0", "1")))
    evaluation, answers = evaluate(candidate, model_of(0), held_out(), PromotionSettings(), np.random.default_rng(1))
    assert (evaluation["metric"], evaluation["against"]) == ("mae", "champion")
    write_evaluation(tmp_path, candidate, held_out(), evaluation, answers, FACTS)
    assert (tmp_path / "errors.png").exists()


def test_importance_tells_what_the_model_lives_by() -> None:
    found = evaluate(model_of(0), None, held_out(), PromotionSettings(), np.random.default_rng(1))[0]
    importance = found["importance"]
    assert max(importance, key=importance.__getitem__) == "feature_x"
    assert importance["feature_x"] > 0.05
    assert importance["feature_z"] < 0.01


def test_cards_pictures_and_numbers_are_written_from_the_run(tmp_path: Path) -> None:
    candidate, data = model_of(0), held_out()
    found, answers = evaluate(candidate, None, data, PromotionSettings(), np.random.default_rng(1))
    write_evaluation(tmp_path, candidate, data, found, answers, FACTS)

    assert {path.name for path in tmp_path.iterdir()} == {
        "evaluation.json",
        "model_card.md",
        "data_card.md",
        "curves.json",
        "curves.png",
        "importance.png",
    }
    card = (tmp_path / "model_card.md").read_text()
    assert f"{found['candidate']['metrics']['roc_auc']['value']:.4f}" in card
    assert "age: 100 days" in card
    assert "id: has 500 values" in card
    assert "| plan | categorical |" in (tmp_path / "data_card.md").read_text()
    assert "$" not in card
