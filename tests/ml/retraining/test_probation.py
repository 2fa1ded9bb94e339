"""The probation of a new champion: how often an equal one is rolled back over all looks, and that a worse one is."""

import numpy as np
import pytest

from guard_core.project_settings.promotion import PromotionSettings
from guard_core.project_settings.section import ProjectSettingsError
from ml.monitoring.performance.tasks import Target
from ml.retraining.probation import Look, is_look_due, level_of_look, look_at
from ml.retraining.promotion import LEVEL, Answers, PairedAnswers

DAYS = 14
BINARY = Target("binary", "1")


def two_models(
    rng: np.random.Generator, rows: int, *, loss: float = 0.0, spread: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days, labels and scores (2, n) of two models; the first is worse by about `loss` of ROC AUC, by day it varies by `spread`."""
    days = np.repeat(np.arange(DAYS), rows)
    labels = rng.random(len(days)) < 0.3
    shared = rng.normal(size=len(days)) * 0.7
    separation = np.sqrt(2) * 0.675  # ROC AUC 0.75 of normal scores of variance 1
    lost = (loss + spread * rng.normal(size=DAYS)) * 4.4
    noise = rng.normal(size=(2, len(days))) * np.sqrt(1 - 0.49)
    scores = shared + noise + labels * np.stack([separation - lost[days], np.full(len(days), separation)])
    return days, labels.astype(int).astype(str), scores


def looks(days: np.ndarray, labels: np.ndarray, scores: np.ndarray, every: int = 1) -> list[Look]:
    """All looks of a probation until it rolls back."""
    done: list[Look] = []
    probabilities = 1 / (1 + np.exp(-scores))
    for number in [*range(3, DAYS, every), DAYS]:
        rows = np.flatnonzero(days < number)
        new, old = (Answers((p[rows] > 0.5).astype(int).astype(str), p[rows]) for p in probabilities)
        pair = PairedAnswers(BINARY, labels[rows], new, old, days[rows])
        done.append(look_at(pair, done[-1].days if done else 0, DAYS))
        if done[-1].is_worse:
            break
    return done


@pytest.mark.parametrize("spread", [0.0, 0.04])
def test_an_equal_model_is_rolled_back_in_at_most_the_level_of_all_looks_together(spread: float) -> None:
    rng = np.random.default_rng(11)
    rounds = 400
    wrong = sum(looks(*two_models(rng, 150, spread=spread))[-1].is_worse for _ in range(rounds))
    # Three standard errors above 2.5 % of the rounds.
    assert wrong / rounds <= LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / rounds)


def test_a_model_that_is_worse_by_a_twentieth_of_roc_auc_is_rolled_back_on_500_rows_a_day() -> None:
    rng = np.random.default_rng(12)
    ends = [looks(*two_models(rng, 500, loss=0.05))[-1] for _ in range(40)]
    assert np.mean([end.is_worse for end in ends]) >= 0.95
    assert np.mean([end.gain.value for end in ends]) == pytest.approx(-0.05, abs=0.02)


def test_looks_at_any_days_spend_the_level_once() -> None:
    for days in ([14], [3, 14], [7, 14], list(range(3, 15)), [3, 5, 6, 12]):
        levels = [level_of_look(day, before, DAYS) for before, day in zip([0, *days], days, strict=False)]
        assert sum(levels) == pytest.approx(LEVEL * days[-1] / DAYS)
    with pytest.raises(ValueError, match="more than 5 and at most 14, got 5"):
        level_of_look(5, 5, DAYS)


def test_a_look_has_the_interval_of_its_level() -> None:
    days, labels, scores = two_models(np.random.default_rng(1), 60)
    first, second, *_ = looks(days, labels, scores)
    assert first.gain.confidence == pytest.approx(1 - 2 * LEVEL * 3 / DAYS)
    assert second.gain.confidence == pytest.approx(1 - 2 * LEVEL / DAYS)
    assert (first.days, first.rows, first.gain.days, first.metric) == (3, 180, 3, "roc_auc")


@pytest.mark.parametrize(
    ("days", "rows", "looked_at", "due"),
    [(2, 500, 0, False), (3, 99, 0, False), (3, 100, 0, True), (3, 900, 3, False), (4, 900, 3, True)],
)
def test_a_look_needs_days_rows_and_a_new_day(days: int, rows: int, looked_at: int, due: bool) -> None:
    assert is_look_due(days, rows, looked_at, 100) is due


def test_days_of_one_class_only_are_no_look() -> None:
    answers = Answers(np.array(["0"] * 9), np.full(9, 0.2))
    look = look_at(PairedAnswers(BINARY, np.array(["0"] * 9), answers, answers, np.arange(9) % 3), 0, DAYS)
    assert not look.is_defined
    assert not look.is_worse


def test_rows_without_days_are_refused() -> None:
    answers = Answers(np.array(["0"]), np.array([0.2]))
    with pytest.raises(ValueError, match="decided by days"):
        look_at(PairedAnswers(BINARY, np.array(["0"]), answers, answers, None), 0, DAYS)


def test_a_probation_of_one_or_two_days_is_refused_as_a_setting() -> None:
    for days in (0, 3, 14, 365):
        assert PromotionSettings.from_dict({"probation_days": days}).probation_days == days
    for days in (-1, 1, 2, 366):
        with pytest.raises(ProjectSettingsError, match="probation_days"):
            PromotionSettings.from_dict({"probation_days": days})
