"""The promotion rule: which candidate is promoted, which is not, and with which reasons."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from guard_core.project_settings.promotion import PromotionSettings
from ml.monitoring.performance.tasks import Target
from ml.retraining.promotion import Answers, PromotionDecision, decide, measure

RNG_SEED = 5


def scored(quality: float, n: int = 4_000, seed: int = 1) -> tuple[np.ndarray, Answers]:
    """Labels, and the answers of a calibrated-enough model that sees them through noise."""
    rng = np.random.default_rng(seed)
    true = (rng.random(n) < 0.3).astype(int)
    score = 1 / (1 + np.exp(-(quality * (true - 0.5) + np.random.default_rng(seed + 9).normal(size=n) - 0.85)))
    return true.astype(str), Answers((score > 0.5).astype(int).astype(str), score)


def decided(candidate: float, champion: float, **settings: object) -> PromotionDecision:
    true, own = scored(candidate)
    _, other = scored(champion)
    return decide(
        Target("binary", "1"),
        true,
        own,
        other,
        settings=PromotionSettings.from_dict(settings),
        rng=np.random.default_rng(RNG_SEED),
    )


def test_a_better_model_is_promoted_with_the_interval_of_its_gain() -> None:
    decision = decided(1.6, 1.0, max_calibration_loss=1)
    assert decision.promote
    assert 0 < decision.gain["low"] < decision.gain["value"] < decision.gain["high"]  # type: ignore[operator]


def test_an_equal_model_is_not_promoted() -> None:
    decision = decided(1.0, 1.0)
    assert not decision.promote
    assert decision.gain["value"] == 0
    assert "not surely better" in decision.reasons[0]


def test_a_gain_below_the_wanted_one_is_not_enough() -> None:
    assert not decided(1.6, 1.0, min_gain=0.3, max_calibration_loss=1).promote


def test_too_few_rows_promote_nobody() -> None:
    assert "4000 labelled rows" in decided(1.6, 1.0, min_rows=5_000).reasons[0]


def test_one_segment_that_becomes_worse_stops_a_better_model() -> None:
    true, own = scored(2.0)
    _, other = scored(1.0)
    segments = np.array(["small"] * 400 + ["large"] * 3_600, dtype=object)
    upside_down = own.y_proba.copy()  # type: ignore[union-attr]
    upside_down[:400] = 1 - upside_down[:400]
    decision = decide(
        Target("binary", "1"),
        true,
        Answers(own.y_pred, upside_down),
        other,
        segments=segments,
        settings=PromotionSettings(max_calibration_loss=1.0),
        rng=np.random.default_rng(RNG_SEED),
    )
    assert decision.gain["low"] > 0  # type: ignore[operator]
    assert not decision.promote
    assert "segment small is worse" in decision.reasons[0]


def test_a_better_ranking_with_worse_probabilities_is_stopped() -> None:
    true, own = scored(2.0)
    _, other = scored(1.0)
    overconfident = Answers(own.y_pred, np.asarray(own.y_proba) ** 0.1)
    decision = decide(
        Target("binary", "1"),
        true,
        overconfident,
        other,
        settings=PromotionSettings(),
        rng=np.random.default_rng(RNG_SEED),
    )
    assert not decision.promote
    assert "calibration error" in decision.reasons[-1]


def test_one_class_only_promotes_nobody() -> None:
    true = np.array(["0"] * 500)
    same = Answers(true, np.linspace(0, 1, 500))
    decision = decide(
        Target("binary", "1"), true, same, same, settings=PromotionSettings(), rng=np.random.default_rng(RNG_SEED)
    )
    assert not decision.promote
    assert "does not exist" in decision.reasons[0]


def test_regression_gains_where_errors_shrink() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(size=1_000)
    near, far = Answers(true + rng.normal(size=1_000) * 0.1, None), Answers(true + rng.normal(size=1_000), None)
    settings = PromotionSettings()
    assert decide(Target("regression"), true, near, far, settings=settings, rng=rng).promote
    assert not decide(Target("regression"), true, far, near, settings=settings, rng=rng).promote


def test_the_area_under_the_curve_is_scikit_learns_with_ties_and_weights() -> None:
    rng = np.random.default_rng(2)
    true = rng.choice(["0", "1"], 500)
    score = rng.integers(0, 20, 500) / 20
    weights = rng.integers(0, 4, (3, 500)).astype(float)
    found = measure(Target("binary", "1"), true, Answers(true, score), weights)
    wanted = [roc_auc_score(true == "1", score, sample_weight=weight) for weight in weights]
    assert found == pytest.approx(wanted)
