"""Noise bounds: right values, and an unchanged column stays below them while a changed one does not."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.drift_methods import CATEGORICAL_METHODS, NUMERIC_METHODS
from ml.monitoring.noise_bounds import NoiseBound
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile
from ml.monitoring.verdicts.evidence import column_evidence
from ml.monitoring.verdicts.plan import categorical_plan, numeric_plan

LEVEL = 0.001  # the default error rate shared among five columns
REPEATS = 400
M = 2_000
SHARES = {"a": 0.55, "b": 0.3, "c": 0.1, "d": 0.04, "e": 0.01}

Draw = Callable[[np.random.Generator, int, float], ColumnProfile]


def numbers(rng: np.random.Generator, rows: int, shift: float = 0.0) -> NumericProfile:
    return NumericProfile.from_values(rng.normal(shift, size=rows))


def categories(rng: np.random.Generator, rows: int, shift: float = 0.0) -> CategoricalProfile:
    shares = np.array(list(SHARES.values())) + shift * np.array([-0.4, 0.4, 0.0, 0.0, 0.0])
    drawn = rng.multinomial(rows, shares).tolist()
    return CategoricalProfile(rows, 0, {name: count for name, count in zip(SHARES, drawn, strict=True) if count})


def effect_of(method: str, reference: ColumnProfile, current: ColumnProfile) -> float:
    if isinstance(reference, NumericProfile):
        settings = DriftSettings.from_dict({"numeric_method": method})
        plan = numeric_plan(reference, settings, "x", LEVEL, 1.0)
        return column_evidence(plan, reference, current).effect
    assert isinstance(reference, CategoricalProfile)
    settings = DriftSettings.from_dict({"categorical_method": method})
    return column_evidence(categorical_plan(reference, settings, "x", LEVEL, 1.0), reference, current).effect


@pytest.mark.parametrize("n", [200, 1_000])
@pytest.mark.parametrize(
    ("method", "draw"),
    [(method, numbers) for method in NUMERIC_METHODS] + [(method, categories) for method in CATEGORICAL_METHODS],
)
def test_an_unchanged_column_is_below_its_bound_and_a_changed_one_is_above(method: str, draw: Draw, n: int) -> None:
    rng = np.random.default_rng(7)
    below, bounds = 0, []
    for _ in range(REPEATS):
        reference = draw(rng, M, 0.0)
        bound = NoiseBound(reference, 10, LEVEL).effect(method, n, M)
        assert bound is not None
        bounds.append(bound)
        below += effect_of(method, reference, draw(rng, n, 0.0)) <= bound
    assert below >= 0.99 * REPEATS, f"{REPEATS - below} of {REPEATS} above"
    assert effect_of(method, draw(rng, M, 0.0), draw(rng, n, 1.0)) > max(bounds)


def test_bounds_are_the_tabulated_critical_values() -> None:
    reference = numbers(np.random.default_rng(1), M)
    noise = NoiseBound(reference, 10, 0.05)
    scale = 1 / 100 + 1 / M
    assert noise.effect("psi", 100, M) == pytest.approx(16.919 * scale, rel=1e-4)
    assert noise.effect("kolmogorov_smirnov", 100, M) == pytest.approx(1.3581 * math.sqrt(scale), rel=1e-4)
    assert noise.effect("jensen_shannon", 100, M, about="missing") == pytest.approx(
        math.sqrt(3.8415 * scale / (8 * math.log(2))), rel=1e-4
    )


def test_values_that_resemble_each_other_count_as_fewer() -> None:
    noise = NoiseBound(numbers(np.random.default_rng(1), M), 10, 0.01)
    assert noise.effect("psi", 1_000, M, design_effect=10.0) == pytest.approx(noise.effect("psi", 100, M // 10))


def test_the_error_rate_is_shared_among_the_columns_and_bins_are_those_of_the_column() -> None:
    reference = numbers(np.random.default_rng(1), M)
    settings = DriftSettings.from_dict({"alpha": 0.01, "overrides": {"x": {"bins": 5}}})
    assert NoiseBound.of("feature_x", reference, settings, columns=20) == NoiseBound(reference, 5, 0.0005)


@pytest.mark.parametrize("method", ["unseen_share", "l_infinity"])
def test_a_method_without_a_known_null_distribution_has_no_bound(method: str) -> None:
    assert NoiseBound(numbers(np.random.default_rng(1), M), 10, 0.01).effect(method, 100, M) is None


def test_a_column_without_values_or_with_one_value_has_no_bound() -> None:
    assert NoiseBound.of("x", None, DriftSettings(), 1) is None
    assert NoiseBound.of("x", CategoricalProfile(5, 5, {}), DriftSettings(), 1) is None
    constant = NoiseBound(CategoricalProfile(50, 0, {"a": 50}), 10, 0.01)
    assert constant.effect("jensen_shannon", 100, 50) is None
    assert constant.effect("jensen_shannon", 0, 50) is None
