"""The threshold of a binary model: as stated, or the best on rows that the model was not fitted on."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from guard_core.project_settings.section import ProjectSettingsError
from guard_core.project_settings.training import ThresholdRule, TrainingSpec
from ml.retraining.training.thresholds import ValidatedAnswers, choose_threshold
from ml.retraining.training.train import train
from tests.ml.retraining.training.samples import labelled_rows

RULES: tuple[ThresholdRule, ...] = ("stated", "cost")


def answers_to(rows: int = 3_000, *, positive_share: float = 0.05, digits: int = 2) -> ValidatedAnswers:
    """Return calibrated answers with many equal probabilities."""
    rng = np.random.default_rng(5)
    probability = np.round(rng.beta(0.5, 0.5 / positive_share, rows), digits)
    return ValidatedAnswers(rng.random(rows) < probability, probability)


def mean_cost(answers: ValidatedAnswers, threshold: float, spec: TrainingSpec) -> float:
    predicted = answers.probability >= threshold
    false_positives = np.sum(predicted & ~answers.positive)
    false_negatives = np.sum(~predicted & answers.positive)
    cost = false_positives * spec.false_positive_cost + false_negatives * spec.false_negative_cost
    return float(cost) / len(predicted)


@pytest.mark.parametrize(("rule", "utility"), [("f1", f1_score), ("balanced_accuracy", balanced_accuracy_score)])
def test_no_other_threshold_is_better_by_the_metric(rule: ThresholdRule, utility: Any) -> None:
    answers = answers_to()
    chosen = choose_threshold(answers, TrainingSpec(threshold_by=rule)).value
    best = utility(answers.positive, answers.probability >= chosen)
    others = [utility(answers.positive, answers.probability >= limit) for limit in np.unique(answers.probability)]
    assert best == pytest.approx(max(others))
    assert best > utility(answers.positive, answers.probability >= 0.5) + 0.01, "rare positives need a lower one"


@pytest.mark.parametrize("cost", [0.1, 1.0, 20.0])
def test_the_threshold_has_the_least_cost_and_is_near_the_one_of_the_formula(cost: float) -> None:
    answers = answers_to(100_000, positive_share=0.3, digits=3)
    spec = TrainingSpec(threshold_by="cost", false_negative_cost=cost)
    chosen = choose_threshold(answers, spec)
    limits = [*np.unique(answers.probability), 1.1]
    assert mean_cost(answers, chosen.value, spec) == pytest.approx(
        min(mean_cost(answers, limit, spec) for limit in limits)
    )
    assert chosen.value == pytest.approx(1 / (1 + cost), abs=0.05), "Elkan 2001: of calibrated probabilities"
    assert f"least cost of 1 for a false positive and {cost:g} for a false negative" in chosen.reason


def test_the_reason_says_what_a_stated_threshold_does_to_rare_positives() -> None:
    answers = ValidatedAnswers(np.arange(100) < 5, np.linspace(0.3, 0.0, 100))
    chosen = choose_threshold(answers, TrainingSpec())
    assert chosen.value == 0.5
    assert chosen.reason == (
        "as stated by training.threshold; on validated rows it predicts 0.0% as positive, 5.0% are"
    )


def test_answers_that_say_nothing_get_the_threshold_of_the_cheaper_error() -> None:
    answers = ValidatedAnswers(np.arange(10) < 3, np.full(10, 0.3))
    costly_misses = TrainingSpec(threshold_by="cost", false_negative_cost=10)
    assert choose_threshold(answers, costly_misses).value < 0.3, "all are predicted positive"
    assert choose_threshold(answers, TrainingSpec(threshold_by="cost")).value == 1, "none is"


def test_a_training_with_rare_positives_predicts_them_by_the_rule_that_is_set() -> None:
    lines: list[str] = []
    table = labelled_rows(3_000)
    specs = [TrainingSpec(algorithms=("linear",), threshold_by=rule, false_negative_cost=9) for rule in RULES]
    stated, by_cost = (train(table, spec, lines.append, 7) for spec in specs)
    assert (stated.schema.threshold, stated.threshold_reason[:9]) == (0.5, "as stated")
    assert by_cost.schema.threshold == pytest.approx(0.1, abs=0.08)
    assert f"threshold {by_cost.schema.threshold:.4g}: {by_cost.threshold_reason}" in lines
    predicted = np.mean(by_cost.pipeline.predict_proba(by_cost.sample)[:, 1] >= by_cost.schema.threshold)
    assert predicted > np.mean(stated.pipeline.predict_proba(stated.sample)[:, 1] >= 0.5)


def test_only_binary_models_have_a_threshold() -> None:
    trained = train(labelled_rows(task="multiclass"), TrainingSpec(algorithms=("linear",)), lambda _: None, 7)
    assert trained.threshold_reason == ""


def test_a_cost_of_nothing_is_refused_by_name() -> None:
    with pytest.raises(ProjectSettingsError, match="false_negative_cost"):
        TrainingSpec.from_dict({"threshold_by": "cost", "false_negative_cost": 0})
