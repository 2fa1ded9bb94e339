"""Identifiers: recognised and not judged, with the right share of unseen values; measurements are judged."""

import numpy as np
import pyarrow as pa
import pytest

from guard_core.project_settings.drift import DriftSettings
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile, TableProfile
from ml.monitoring.verdicts.judge import judge
from ml.monitoring.verdicts.report import ColumnVerdict
from tests.ml.monitoring.verdicts.samples import always, numeric, table


def names(first: int, count: int) -> CategoricalProfile:
    return CategoricalProfile.from_values(pa.array([f"order-{n}" for n in range(first, first + count)]))


def verdict_on(reference: ColumnProfile, today: ColumnProfile, settings: DriftSettings | None = None) -> ColumnVerdict:
    (verdict,) = judge(always(table(feature_id=today)), table(feature_id=reference), settings).columns
    return verdict


@pytest.mark.parametrize(
    ("reference", "today", "unseen"),
    [
        (names(0, 900), names(600, 600), 0.5),
        (names(0, 900), names(5000, 3000), 1.0),
        (names(0, 3000), names(1500, 3000), None),
        (numeric(range(900)), numeric(range(600, 1200)), 0.5),
        (numeric(range(20_000)), numeric(range(20_000, 22_000)), None),
        (numeric(2.0**60 + 2.0**30 * np.arange(500)), numeric(2.0**60 + 2.0**30 * np.arange(500, 1000)), 1.0),
    ],
)
def test_identifiers_are_not_judged_and_state_their_unseen_share(
    reference: ColumnProfile, today: ColumnProfile, unseen: float | None
) -> None:
    verdict = verdict_on(reference, today)
    assert (verdict.state, verdict.statistics) == ("not_judged", {"unseen_share": unseen})
    assert verdict.reason.startswith("identifier, not judged")
    assert (
        "unknown" if unseen is None else f"{unseen:.1%} of today's values are not in the baseline"
    ) in verdict.reason


def test_keys_of_a_merged_baseline_are_recognised() -> None:
    days = [numeric(range(3000 * day, 3000 * day + 3000)) for day in range(8)]
    assert verdict_on(NumericProfile.merge(days[:7]), days[7]).state == "not_judged"


@pytest.mark.parametrize("seed", range(10))
def test_measurements_over_a_wide_range_and_floats_are_judged(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def day() -> TableProfile:
        return table(
            feature_amount=numeric(np.rint(rng.lognormal(11, 1, 3000))),
            feature_time=numeric(np.rint(rng.uniform(0, 86_400, 3000))),
            feature_float=numeric(rng.normal(size=3000)),
            feature_wide=numeric(rng.integers(0, 10**9, 3000)),
        )

    report = judge(always(day()), TableProfile.merge([day() for _ in range(7)]))
    assert [verdict.state for verdict in report.columns] == ["stable"] * 4


def test_missing_identifiers_are_a_change_and_a_method_of_the_column_judges_it() -> None:
    vanished = CategoricalProfile(600, 400, dict.fromkeys((f"order-{n}" for n in range(200)), 1))
    assert (verdict := verdict_on(names(0, 900), vanished)).state == "drift"
    assert verdict.about == "missing"
    settings = DriftSettings.from_dict({"overrides": {"id": {"method": "psi"}}})
    assert verdict_on(numeric(range(900)), numeric(range(600, 1200)), settings).state == "drift"
