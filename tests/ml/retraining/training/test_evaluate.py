"""The evaluation of a candidate: what is compared, and what is written about it."""

from pathlib import Path

import numpy as np

from guard_core.project_settings.promotion import PromotionSettings
from guard_core.project_settings.training import TrainingSpec
from ml.retraining.predictor.native import NativePredictor
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
    "left_out": {"id": "has 500 values"},
    "rare_labels": {"unknown": 1},
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
        "curves.png",
        "importance.png",
    }
    card = (tmp_path / "model_card.md").read_text()
    assert f"{found['candidate']['metrics']['roc_auc']['value']:.4f}" in card
    assert "age: 100 days" in card
    assert "id: has 500 values" in card
    assert "| plan | categorical |" in (tmp_path / "data_card.md").read_text()
    assert "$" not in card
