"""Columns of the smallest and the largest numbers: judged like any other, and never the end of a report."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.drift_methods import NUMERIC_METHODS
from ml.monitoring.distributions import histograms
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.between_days import baseline_days
from ml.monitoring.verdicts.judge import judge
from tests.ml.monitoring.verdicts.samples import always, numeric, table

LARGEST = float(np.finfo(np.float64).max)
ROWS = 2000
Draw = Callable[[np.random.Generator, float], NDArray[np.floating[Any]]]

COLUMNS: dict[str, Draw] = {
    "denormals": lambda rng, shift: np.exp(-rng.normal(700 - 10 * shift, 5, ROWS)),
    "few denormals": lambda rng, shift: rng.integers(0, int(20 + 20 * shift), ROWS) * 5e-324,
    "1e307": lambda rng, shift: rng.normal(shift, 1, ROWS) * 1e307,
    "the whole range": lambda rng, shift: rng.uniform(-1, 1 - shift, ROWS) * LARGEST,
    "many powers of ten": lambda rng, shift: np.exp(np.minimum(rng.normal(300 * shift, 300, ROWS), 709)),
    "integers of 60 bits": lambda rng, shift: 2.0**60 + rng.integers(0, int(5000 + 5000 * shift), ROWS) * 256.0,
}


@pytest.mark.parametrize("method", NUMERIC_METHODS)
@pytest.mark.parametrize("column", COLUMNS)
def test_the_smallest_and_largest_numbers_are_judged_like_others(column: str, method: str) -> None:
    rng, draw = np.random.default_rng(20), COLUMNS[column]

    def day(shift: float) -> TableProfile:
        return table(feature_x=numeric(draw(rng, shift)), feature_y=numeric(rng.normal(size=ROWS)))

    days = [day(0) for _ in range(7)]
    reference = TableProfile.merge(days)
    baseline = baseline_days(days, list(range(7)), reference)
    for shift, state in ((0, "stable"), (1, "drift")):
        today = day(shift)
        report = judge(always(today), reference, DriftSettings.from_dict({"numeric_method": method}), baseline)
        assert [verdict.state for verdict in report.columns] == [state, "stable"], report.columns[0].reason
        json.dumps(report.to_dict(), allow_nan=False)
        json.dumps(_edges(reference, today), allow_nan=False)


def _edges(reference: TableProfile, today: TableProfile) -> list[float]:
    before, now = (profile.columns["feature_x"] for profile in (reference, today))
    assert isinstance(before, NumericProfile)
    assert isinstance(now, NumericProfile)
    both = histograms(before, now)
    assert sum(both.current) == pytest.approx(ROWS, abs=0.5)
    return list(both.edges)


def test_a_deviation_that_exceeds_float64_is_unknown_and_not_the_reason_for_a_distance_of_zero() -> None:
    rng = np.random.default_rng(21)
    reference, today = (table(feature_x=numeric(rng.normal(shift, 1, ROWS) * 1e200)) for shift in (0, 1))
    (verdict,) = judge(always(today), reference).columns
    assert verdict.statistics["wasserstein_normalised"] is None
    assert verdict.statistics["wasserstein_trimmed"] == pytest.approx(1.0, abs=0.1)


def test_integers_whose_differences_are_rounded_away_are_not_judged_unless_they_have_changed() -> None:
    rng = np.random.default_rng(22)

    def day(first: int) -> TableProfile:
        return table(feature_x=numeric(first + rng.integers(0, 50, ROWS)), feature_y=numeric(rng.normal(size=ROWS)))

    reference = day(2**53)
    report = judge(always(day(2**53)), reference)
    assert [verdict.state for verdict in report.columns] == ["not_judged", "stable"]
    assert report.columns[0].reason.startswith("cannot be judged: integers beyond 2^53 are rounded to multiples of 2")
    assert report.state == "stable"
    changed = judge(always(day(2**53 + 1000)), reference)
    assert [verdict.state for verdict in changed.columns] == ["drift", "stable"]
