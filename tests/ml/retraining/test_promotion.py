"""The promotion rule: which candidate is promoted, which is not, and with which reasons."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from guard_core.project_settings.promotion import PromotionSettings
from ml.monitoring.performance.tasks import Target
from ml.retraining.promotion import LEVEL, Answers, PromotionDecision, decide, level_of_try, measure

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
    assert 0 < decision.gain.low < decision.gain.value < decision.gain.high  # type: ignore[operator]


def test_an_equal_model_is_not_promoted() -> None:
    decision = decided(1.0, 1.0)
    assert not decision.promote
    assert decision.gain.value == 0
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
    assert decision.gain.low > 0  # type: ignore[operator]
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


def compared(
    rng: np.random.Generator,
    rows: int,
    *,
    days: int = 14,
    day_effect: float = 0.0,
    segments: int = 0,
    tries: int = 1,
    better: float = 0.0,
) -> PromotionDecision:
    """Compare models of a regression; the candidate's mean absolute error differs by `better`, and by a day effect."""
    day = np.arange(rows) % days
    effect = day_effect * rng.normal(size=days)[day]
    noise = np.abs(rng.normal(size=(2, rows)))
    true = np.zeros(rows)
    return decide(
        Target("regression"),
        true,
        Answers(noise[0], None),
        Answers(noise[1] + better + effect, None),
        segments=rng.integers(segments, size=rows).astype(str).astype(object) if segments else None,
        days=np.array([f"2013-04-{number + 1:02}" for number in day], dtype=object),
        tries=tries,
        settings=PromotionSettings(),
        rng=rng,
    )


def test_an_equal_model_that_is_better_on_some_days_is_rarely_promoted() -> None:
    rng = np.random.default_rng(11)
    assert sum(compared(rng, 1_000, day_effect=0.3).promote for _ in range(200)) <= 11  # 2.5 % are 5


def test_the_reasons_contain_gain_interval_days_and_tries() -> None:
    rng = np.random.default_rng(3)
    assert compared(rng, 1_000, better=0.3).reasons == [
        "MAE is better by 0.2941 (95.5 % interval 0.2210 to 0.3672, from 14 daily gains), first try on this window"
    ]
    (reason,) = compared(rng, 1_000, tries=4).reasons
    assert reason.startswith("MAE is not surely better: by ")
    assert "from 14 daily gains), try 4 on this window, each needs stronger evidence; surely more than 0" in reason


def test_rows_are_the_units_where_days_are_unknown_or_only_one() -> None:
    rng = np.random.default_rng(4)
    assert decided(1.6, 1.0).gain.days is None
    assert "from 500 rows" in compared(rng, 500, days=1).reasons[0]


def test_the_bar_rises_with_the_tries_on_a_window_and_all_tries_share_one_level() -> None:
    levels = [level_of_try(tries) for tries in range(1, 1_000)]
    assert levels == sorted(levels, reverse=True)
    assert sum(levels) == pytest.approx(LEVEL, rel=1e-3)
    first = [compared(np.random.default_rng(seed), 1_000, better=0.09).promote for seed in range(20)]
    tenth = [compared(np.random.default_rng(seed), 1_000, better=0.09, tries=10).promote for seed in range(20)]
    assert sum(first) > sum(tenth)


def test_fifty_segments_that_are_equal_rarely_block_a_better_model() -> None:
    rng = np.random.default_rng(6)
    decisions = [compared(rng, 12_500, segments=50, better=0.2) for _ in range(60)]
    assert all(len(decision.segments) > 40 for decision in decisions)
    assert sum(not decision.promote for decision in decisions) <= 5


def test_fifty_segments_in_which_the_models_are_equal_rarely_count_as_worse() -> None:
    rng = np.random.default_rng(6)
    decisions = [compared(rng, 12_500, segments=50) for _ in range(60)]
    assert sum(any("segment " in reason for reason in decision.reasons) for decision in decisions) <= 5


def test_calibration_blocks_only_beyond_chance() -> None:
    """The candidate is the champion with other noise of labels: equally calibrated, on few rows by chance worse."""
    rng, blocks = np.random.default_rng(7), 0
    for _ in range(200):
        logit = rng.normal(size=(2, 200))
        true = (rng.random(200) < 1 / (1 + np.exp(-logit.sum(axis=0)))).astype(int).astype(str)
        own, other = (Answers(true, 1 / (1 + np.exp(-0.9 * part))) for part in logit)
        decision = decide(
            Target("binary", "1"), true, own, other, settings=PromotionSettings(max_calibration_loss=0.02), rng=rng
        )
        blocks += "calibration error" in decision.reasons[-1]
    assert blocks <= 10
