"""p-values: valid at small and sparse samples, and powerful against what matters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ml.monitoring.distances.wasserstein import trimmed_wasserstein
from ml.monitoring.profiles.categorical import MAX_CATEGORIES, CategoricalProfile
from ml.monitoring.verdicts.common_categories import categorical_p_value, unseen_categories_p_value
from ml.monitoring.verdicts.false_discovery import adjusted_p_values
from ml.monitoring.verdicts.null_distribution import null_distribution
from ml.monitoring.verdicts.significance import homogeneity_p_value, l_infinity_p_value, pool_cells, unseen_p_value
from tests.ml.monitoring.verdicts.samples import numeric

COUNTS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=30).filter(
    lambda rows: any(r for r, _ in rows) and any(c for _, c in rows)
)


def calls(p_values: list[float], level: float) -> float:
    """How often a level is reached, as a multiple of what it promises."""
    return float(np.mean(np.array(p_values) <= level)) / level


@settings(max_examples=100)
@given(COUNTS, st.integers(1, 200))
def test_pooling_keeps_every_row_and_leaves_no_small_cell_beside_a_large_one(
    rows: list[tuple[int, int]], minimum: int
) -> None:
    reference, current = (np.array(side, dtype=float) for side in zip(*rows, strict=True))
    first, second = pool_cells(reference, current, reference + current, minimum)
    assert (first.sum(), second.sum()) == (reference.sum(), current.sum())
    assert first.size == 1 or (first + second).min() >= min(minimum, (reference + current).sum())


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_equal_scipys(p_values: list[float]) -> None:
    np.testing.assert_allclose(adjusted_p_values(p_values), stats.false_discovery_control(p_values), atol=1e-12)


def test_well_filled_tables_get_pearsons_p_value() -> None:
    table = np.array([[50.0, 30, 20], [40, 30, 50]])
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert homogeneity_p_value(table[0], table[1]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(30, 1000), (200, 50_000), (2000, 1000)])
def test_sparse_categories_and_identifiers_do_not_cry_wolf(n: int, m: int) -> None:
    rng = np.random.default_rng(11)
    shares = 1 / np.arange(1, 2001)
    shares /= shares.sum()
    p_values = []
    for _ in range(1500):
        reference, current = rng.multinomial(m, shares).astype(float), rng.multinomial(n, shares).astype(float)
        p_values.append(min(homogeneity_p_value(reference, current), unseen_p_value(reference, current)))
    assert calls(p_values, 0.01) < 2.5


def test_truncated_profiles_of_identifiers_do_not_cry_wolf() -> None:
    rng = np.random.default_rng(12)

    def truncated(rows: int) -> CategoricalProfile:
        values, counts = np.unique(rng.zipf(1.4, rows) % 50_000, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:MAX_CATEGORIES]
        listed = {str(values[i]): int(counts[i]) for i in order}
        return CategoricalProfile(rows, 0, listed, rows - sum(listed.values()))

    p_values = [categorical_p_value(truncated(60_000), truncated(rows)) for rows in (3000, 60_000) for _ in range(100)]
    assert calls(p_values, 0.05) < 2


def test_a_frequent_category_that_vanishes_from_a_truncated_list_is_seen() -> None:
    many = {f"id{i}": 2 for i in range(MAX_CATEGORIES - 1)}
    reference = CategoricalProfile(6000, 0, {"home": 1000, **many}, 6000 - 1000 - 1998)
    current = CategoricalProfile(6000, 0, {"new": 2, **many}, 6000 - 2000)
    assert categorical_p_value(reference, current) < 1e-9


def test_one_new_category_is_found_among_many_old_ones_at_small_n() -> None:
    names = [f"c{i:03}" for i in range(100)]
    reference = CategoricalProfile(1000, 0, dict.fromkeys(names, 10))
    current = CategoricalProfile(120, 0, {**dict.fromkeys(names, 1), "c0505": 20})
    assert unseen_categories_p_value(reference, current) < 1e-7


def test_the_law_of_the_wasserstein_distance_holds_on_normal_skewed_and_tied_samples() -> None:
    rng = np.random.default_rng(13)
    draws = (
        lambda k: rng.normal(size=k),
        lambda k: rng.lognormal(size=k),
        lambda k: rng.integers(0, 12, k).astype(float),
    )
    for draw in draws:
        p_values = []
        for _ in range(700):
            reference, current = numeric(draw(1000)), numeric(draw(100))
            null = null_distribution(reference)
            assert null is not None
            p_values.append(null.p_value(trimmed_wasserstein(reference, current), 100, 1000))
        assert 0.5 < calls(p_values, 0.1) < 1.5
        assert calls(p_values, 0.01) < 2.2


def test_the_critical_area_is_the_inverse_of_its_p_value() -> None:
    null = null_distribution(numeric(np.random.default_rng(14).normal(size=2000)))
    assert null is not None
    n, m = 200, 2000
    distance = null.critical(0.001) * (1 / n + 1 / m) ** 0.5
    assert null.p_value(distance, n, m) == pytest.approx(0.001, rel=1e-6)


def test_a_constant_reference_has_no_law() -> None:
    assert null_distribution(numeric(np.full(100, 3.0))) is None


def test_l_infinity_errs_towards_no_alarm_even_with_rare_categories() -> None:
    rng = np.random.default_rng(15)
    shares = np.array([0.6, 0.3, 0.07, 0.02, 0.01])
    p_values = []
    for _ in range(3000):
        reference, current = rng.multinomial(1000, shares) / 1.0, rng.multinomial(60, shares) / 1.0
        distance = float(np.abs(reference / 1000 - current / 60).max())
        p_values.append(l_infinity_p_value(distance, reference, current))
    assert calls(p_values, 0.01) < 1.5
    assert l_infinity_p_value(0.4, np.array([600.0, 400.0]), np.array([20.0, 80.0])) < 1e-6
