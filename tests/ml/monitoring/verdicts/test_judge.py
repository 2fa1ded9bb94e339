"""The judge: states, windows that grow, settings, and what is never hidden."""

import json
import math

import numpy as np
import pytest

from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.drift_methods import CATEGORICAL_METHODS, NUMERIC_METHODS
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.judge import Slice, judge
from ml.monitoring.verdicts.report import STATES, ColumnVerdict, DriftReport
from tests.ml.monitoring.verdicts.samples import always, categorical, normal_columns, numeric, table


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def only(report: DriftReport) -> ColumnVerdict:
    (verdict,) = report.columns
    return verdict


def test_without_a_baseline_the_state_says_so() -> None:
    day = table(feature_x=numeric([1, 2]))
    assert judge(always(day), None).state == "missing_baseline"
    assert judge(always(day), TableProfile(0, {})).state == "missing_baseline"


def test_without_rows_today_the_state_says_so_whatever_came_before() -> None:
    reference = table(feature_x=numeric(range(100)))
    assert judge(always(None), reference).state == "no_data"
    assert judge(lambda days: [] if days == 1 else [reference], reference).state == "no_data"
    assert judge(always(TableProfile(0, {})), reference).state == "no_data"


def test_an_unseen_feature_misses_its_baseline_and_a_vanished_one_is_missing_in_all_rows() -> None:
    reference = table(feature_old=numeric(range(100)))
    report = judge(always(table(feature_new=numeric(range(100)))), reference)
    assert {v.column: v.state for v in report.columns} == {"feature_old": "drift", "feature_new": "missing_baseline"}
    assert "missing or not finite in 100.0% of the rows, 0.0% in the reference" in report.columns[0].reason
    assert "unseen feature" in report.columns[1].reason
    assert report.state == "drift"


def test_a_feature_that_is_null_today_has_drifted_although_earlier_days_had_values(rng: np.random.Generator) -> None:
    reference = table(feature_x=numeric(rng.normal(size=2000)))

    def today(rows: int) -> TableProfile:
        return TableProfile(rows, {"feature_x": NumericProfile.from_scratch(np.empty(0), nulls=rows)})

    verdict = only(judge(lambda days: [reference] * (days - 1) + [today(500)], reference))
    assert (verdict.state, verdict.kind, verdict.window_days) == ("drift", "numeric", 1)
    assert only(judge(always(today(10)), reference)).state == "no_data", "too few rows to tell"


@pytest.mark.parametrize(("share", "state"), [(0.0, "stable"), (0.004, "stable"), (0.02, "warning"), (0.6, "drift")])
@pytest.mark.parametrize("value", [None, math.inf, math.nan])
def test_the_share_of_missing_and_non_finite_values_is_judged_like_drift(
    share: float, state: str, value: float | None, rng: np.random.Generator
) -> None:
    reference, values = table(feature_x=numeric(rng.normal(size=5000))), rng.normal(size=2000)
    empty = int(share * len(values))
    today = (
        NumericProfile.from_scratch(values[empty:], nulls=empty)
        if value is None
        else numeric(np.append(values[empty:], [value] * empty))
    )
    verdict = only(judge(always(table(feature_x=today)), reference))
    assert verdict.state == state
    assert verdict.missing_share == pytest.approx(share)
    assert verdict.reference_missing_share == 0
    if state != "stable":
        method = "jensen_shannon" if state == "drift" else "unseen_share"
        assert (verdict.method, verdict.n, verdict.m) == (method, 2000, 5000)
        assert f"missing or not finite in {share:.1%} of the rows, 0.0% in the reference" in verdict.reason


def test_values_and_missing_values_that_have_both_drifted_are_both_named(rng: np.random.Generator) -> None:
    reference = table(feature_x=numeric(rng.normal(size=5000)))
    today = table(feature_x=NumericProfile.from_scratch(rng.normal(2, size=500), nulls=500))
    reason = only(judge(always(today), reference)).reason
    assert reason.startswith("psi ")
    assert "missing or not finite in 50.0% of the rows" in reason


def test_a_share_of_missing_values_that_has_not_changed_raises_no_alarm(rng: np.random.Generator) -> None:
    def day(rows: int) -> TableProfile:
        holes = {f"feature_{i}": rng.random(rows) < share for i, share in enumerate((0.001, 0.01, 0.1, 0.5))}
        return table(
            **{name: numeric(np.where(rows, math.nan, rng.normal(size=rows.size))) for name, rows in holes.items()}
        )

    alarms = [judge(always(day(200)), day(2000)).columns_in("drift") for _ in range(200)]
    assert sum(map(bool, alarms)) <= 4


def test_a_column_that_was_never_filled_does_not_colour_the_model(rng: np.random.Generator) -> None:
    empty = NumericProfile.from_scratch(np.empty(0), nulls=2000)
    day = table(feature_x=numeric(rng.normal(size=2000)), y_proba=empty)
    report = judge(always(day), day)
    assert report.state == "stable"
    assert report.columns[1].state == "no_data"


def test_a_change_of_kind_is_a_state_of_its_own() -> None:
    reference = table(feature_x=numeric(range(100)))
    verdict = only(judge(always(table(feature_x=categorical(a=60, b=40))), reference))
    assert (verdict.state, verdict.kind) == ("kind_mismatch", "categorical")
    assert "numeric in the reference, categorical now" in verdict.reason
    assert verdict.effect is None


def test_equal_samples_are_stable_and_a_large_shift_is_drift(rng: np.random.Generator) -> None:
    reference = normal_columns(rng, 5000)
    assert judge(always(normal_columns(rng, 1000)), reference).state == "stable"
    report = judge(always(normal_columns(rng, 1000, shift=1.0)), reference)
    assert report.state == "drift"
    assert report.columns_in("drift") == ["feature_0"]
    assert report.summary == {**dict.fromkeys(STATES, 0), "drift": 1, "stable": 19}


def test_a_significant_change_between_the_thresholds_is_a_warning(rng: np.random.Generator) -> None:
    reference = table(feature_x=numeric(rng.normal(size=50_000)))
    verdict = only(judge(always(table(feature_x=numeric(rng.normal(0.39, size=20_000)))), reference))
    assert verdict.effect is not None
    assert 0.1 < verdict.effect < 0.2
    assert verdict.state == "warning"


def test_a_significant_but_tiny_change_is_stable(rng: np.random.Generator) -> None:
    reference = table(feature_x=numeric(rng.normal(size=100_000)))
    verdict = only(judge(always(table(feature_x=numeric(rng.normal(0.1, size=100_000)))), reference))
    assert verdict.state == "stable"
    assert verdict.adjusted_p_value is not None
    assert verdict.adjusted_p_value < 1e-6


def test_the_window_grows_column_by_column_until_it_holds_enough(rng: np.random.Generator) -> None:
    asked: list[int] = []

    def values(rows: int) -> NumericProfile:
        rare = np.full(rows, np.nan)
        rare[: rows * 25 // 60] = rng.normal(size=rows * 25 // 60)
        return numeric(rare)

    def day() -> TableProfile:
        return table(feature_often=numeric(rng.normal(size=60)), feature_rare=values(60))

    def history(days: int) -> list[TableProfile]:
        asked.append(days)
        return [day() for _ in range(days)]

    reference = table(feature_often=numeric(rng.normal(size=5000)), feature_rare=values(12_000))
    often, rare = judge(history, reference).columns
    assert often.required_n is not None
    assert rare.required_n is not None
    assert (often.window_days, rare.window_days) == (4, 7)
    assert often.n == 240 >= often.required_n > 120
    assert rare.n == 175 >= rare.required_n > 100
    assert asked == [1, 2, 4, 7]


def test_no_window_is_asked_for_that_is_not_needed(rng: np.random.Generator) -> None:
    asked: list[int] = []
    reference = normal_columns(rng, 5000, count=3)

    def history(days: int) -> list[TableProfile]:
        asked.append(days)
        return [reference]

    assert judge(history, reference).state == "stable"
    assert asked == [1]


def test_too_few_rows_in_the_longest_window_name_the_number_that_it_takes(rng: np.random.Generator) -> None:
    reference = normal_columns(rng, 1000, count=20)
    report = judge(always(normal_columns(rng, 100, count=20)), reference)
    assert report.state == "insufficient_data"
    verdict = report.columns[0]
    assert verdict.required_n is not None
    assert 150 < verdict.required_n < 250
    assert f"{verdict.required_n} are needed" in verdict.reason
    enough = judge(always(normal_columns(rng, verdict.required_n, count=20)), reference)
    assert enough.summary["insufficient_data"] == 0


def test_below_the_minimum_of_rows_nothing_is_called_even_if_everything_differs(rng: np.random.Generator) -> None:
    reference = table(feature_x=numeric(rng.normal(size=1000)))
    verdict = only(judge(always(table(feature_x=numeric(rng.normal(9, size=20)))), reference))
    assert (verdict.state, verdict.adjusted_p_value) == ("insufficient_data", None)
    assert verdict.effect is not None


def test_a_change_too_large_for_chance_is_drift_although_n_is_small(rng: np.random.Generator) -> None:
    reference = table(feature_x=numeric(rng.normal(size=1000)))
    verdict = only(judge(always(table(feature_x=numeric(rng.normal(3, size=60)))), reference))
    assert verdict.required_n is not None
    assert verdict.n < verdict.required_n
    assert verdict.state == "drift"


def test_a_reference_that_is_too_small_is_said_to_be(rng: np.random.Generator) -> None:
    reference = table(feature_x=numeric(rng.normal(size=60)))
    verdict = only(judge(always(table(feature_x=numeric(rng.normal(size=5000)))), reference))
    assert (verdict.state, verdict.required_n) == ("insufficient_data", None)
    assert "the reference has 60 values" in verdict.reason


@pytest.mark.parametrize("method", NUMERIC_METHODS)
@pytest.mark.parametrize("outlier_in", ["current", "reference", "both"])
def test_one_outlier_hides_no_shift_and_makes_none(rng: np.random.Generator, method: str, outlier_in: str) -> None:
    settings = DriftSettings.from_dict({"numeric_method": method})
    plain, same, shifted = rng.normal(size=5000), rng.normal(size=5000), rng.normal(0.6, size=5000)
    if outlier_in != "reference":
        same[0] = shifted[0] = 1e9
    if outlier_in != "current":
        plain[0] = 1e9
    reference = table(feature_x=numeric(plain))
    assert judge(always(table(feature_x=numeric(shifted))), reference, settings).state == "drift"
    assert judge(always(table(feature_x=numeric(same))), reference, settings).state == "stable"


@pytest.mark.parametrize("method", CATEGORICAL_METHODS)
def test_every_categorical_method_finds_a_changed_mix_and_leaves_an_equal_one(method: str) -> None:
    settings = DriftSettings.from_dict({"categorical_method": method})
    reference = table(feature_x=categorical(a=5000, b=3000, c=2000))
    changed = judge(always(table(feature_x=categorical(a=200, b=300, c=500))), reference, settings)
    assert (changed.state, only(changed).method) == ("drift", method)
    assert judge(always(table(feature_x=categorical(a=498, b=305, c=197))), reference, settings).state == "stable"


def test_unseen_categories_are_drift_with_a_finite_score() -> None:
    reference = table(feature_x=categorical(a=500, b=300, c=200))
    verdict = only(judge(always(table(feature_x=categorical(a=400, b=300, c=200, d=100))), reference))
    assert verdict.state == "drift"
    assert verdict.effect == pytest.approx(0.23241293654355832, abs=1e-12)
    assert verdict.statistics["unseen_share"] == pytest.approx(0.1)
    assert verdict.p_value is not None
    assert 0 < verdict.p_value < 1e-20


def test_reports_are_json_without_nan_or_infinity_even_at_the_edge_of_floats(rng: np.random.Generator) -> None:
    huge = rng.normal(size=500) * 1e307
    reference = table(
        feature_constant=numeric(np.full(500, 2.0)), feature_huge=numeric(huge), feature_one=categorical(a=500)
    )
    current = table(
        feature_constant=numeric([2.0, 3.0] * 250), feature_huge=numeric(huge[::-1]), feature_one=categorical(a=9)
    )
    plain = json.loads(json.dumps(judge(always(current), reference).to_dict(), allow_nan=False))
    assert plain["columns"][0]["statistics"]["wasserstein_normalised"] is None
    assert [column["state"] for column in plain["columns"]] == ["drift", "stable", "insufficient_data"]
    assert plain["drifted"] == ["feature_constant"]


def test_a_method_that_does_not_fit_falls_back_and_says_so(rng: np.random.Generator) -> None:
    settings = DriftSettings.from_dict({"overrides": {"city": {"method": "wasserstein", "drift": 9.0}}})
    reference = table(feature_city=categorical(a=500, b=500))
    verdict = only(judge(always(table(feature_city=categorical(a=490, b=510))), reference, settings))
    assert (verdict.method, verdict.drift_threshold) == ("jensen_shannon", 0.19)
    assert "wasserstein does not apply to a categorical column" in verdict.reason
    constant = table(feature_x=numeric(np.full(500, 1.0)))
    numbers = only(judge(always(constant), constant, DriftSettings.from_dict({"numeric_method": "wasserstein"})))
    assert (numbers.method, numbers.state) == ("psi", "stable")


def test_overrides_change_one_column_only(rng: np.random.Generator) -> None:
    settings = DriftSettings.from_dict({"overrides": {"1": {"drift": 50.0}, "2": {"judged": False}}})
    reference = normal_columns(rng, 5000, count=3)
    moved = table(**{f"feature_{i}": numeric(rng.normal(2, size=1000)) for i in range(3)})
    states = {v.column: v.state for v in judge(always(moved), reference, settings).columns}
    assert states == {"feature_0": "drift", "feature_1": "warning"}


def test_predictions_and_latency_are_judged_and_other_columns_are_not(rng: np.random.Generator) -> None:
    columns = ("y_pred", "y_proba", "latency_ms", "segment", "feature_x")
    day = table(**{name: numeric(rng.normal(size=1000)) for name in columns})
    assert [v.column for v in judge(always(day), day).columns] == ["y_pred", "y_proba", "latency_ms", "feature_x"]
    without = DriftSettings.from_dict({"latency_ms": False})
    assert "latency_ms" not in [v.column for v in judge(always(day), day, without).columns]


def test_every_statistic_of_the_kind_is_reported_and_finite(rng: np.random.Generator) -> None:
    day = table(feature_x=numeric(rng.normal(size=1000)), feature_c=categorical(a=600, b=400))
    number, category = judge(always(day), day).columns
    assert set(number.statistics) >= {
        "psi",
        "kolmogorov_smirnov",
        "wasserstein_normalised",
        "jensen_shannon",
        "hellinger",
    }
    assert set(category.statistics) >= {
        "jensen_shannon",
        "psi",
        "chi_square",
        "cramers_v",
        "l_infinity",
        "hellinger",
        "unseen_share",
    }
    for verdict in (number, category):
        assert all(value is not None and math.isfinite(value) for value in verdict.statistics.values())


def test_a_day_of_truncated_categories_is_judged() -> None:
    counts = {f"id{i}": 3 for i in range(1000)}
    profile = CategoricalProfile(
        40_000, 0, {"home": 20_000, **dict(list(counts.items())[:999])}, 40_000 - 20_000 - 2997
    )
    assert judge(always(table(feature_x=profile)), table(feature_x=profile)).state == "stable"


@pytest.mark.parametrize("levels", [3, 20])
def test_floats_that_were_serialised_again_are_the_values_that_they_were(rng: np.random.Generator, levels: int) -> None:
    def day(error: float) -> TableProfile:
        return table(feature_x=numeric(rng.integers(-levels, levels + 1, 2000) * 0.1 * (1 + error)))

    for error in (2.3e-16, -2.3e-16, 1e-12, 0.0):
        verdict = only(judge(always(day(error)), day(0.0)))
        assert (verdict.state, verdict.statistics["unseen_share"]) == ("stable", 0.0), (error, verdict.reason)
    assert only(judge(always(day(0.3)), day(0.0))).state == "drift"


def test_a_slice_drifts_although_the_whole_is_stable(rng: np.random.Generator) -> None:
    whole = table(feature_x=numeric(np.append(rng.normal(size=9_500), rng.normal(1.5, size=500))))
    reference = table(feature_x=numeric(rng.normal(size=10_000)))
    part = Slice("segment", "eu", always(table(feature_x=numeric(rng.normal(1.5, size=500)))), reference)
    same = Slice("segment", "us", always(table(feature_x=numeric(rng.normal(size=900)))), reference)
    report = judge(always(whole), reference, slices=[part, same])
    assert report.state == "stable"
    drifted, stable = report.slices
    assert (drifted.dimension, drifted.value, drifted.state) == ("segment", "eu", "drift")
    assert (drifted.rows, drifted.n, drifted.m, drifted.window_days) == (500, 500, 10_000, 1)
    assert [verdict.column for verdict in drifted.columns] == ["feature_x"]
    assert drifted.reason.startswith("1 of 1 columns; x: psi ")
    assert (stable.state, stable.columns) == ("stable", ())
    assert json.loads(json.dumps(report.to_dict()))["slices"][1]["reason"] == "1 of 1 columns as in the baseline"


def test_columns_of_whole_and_slices_are_one_family_of_tests(rng: np.random.Generator) -> None:
    reference, today = normal_columns(rng, 2_000, count=2), normal_columns(rng, 500, count=2, shift=0.25)
    alone = judge(always(today), reference)
    unchanged = [Slice("segment", str(i), always(reference), reference) for i in range(9)]
    together = judge(always(today), reference, slices=unchanged)
    before, after = alone.columns[0], together.columns[0]
    assert before.adjusted_p_value is not None
    assert after.adjusted_p_value == pytest.approx(10 * before.adjusted_p_value)
    assert before.required_n is not None
    assert after.required_n is not None
    assert after.required_n > before.required_n


def test_a_rare_slice_states_the_rows_and_days_it_needs(rng: np.random.Generator) -> None:
    reference = table(feature_x=numeric(rng.normal(size=5_000)))
    days = [table(feature_x=numeric(rng.normal(size=2))) for _ in range(28)]
    report = judge(
        always(reference), reference, slices=[Slice("segment", "li", lambda length: days[-length:], reference)]
    )
    verdict, needed = report.slices[0], report.columns[0].required_n
    assert needed is not None
    assert (verdict.state, verdict.rows, verdict.n, verdict.window_days) == ("insufficient_data", 2, 56, 28)
    shortage = f"x: 56 values in the window, {needed} are needed to see psi 0.2"
    assert verdict.reason == f"{shortage}; about {math.ceil(needed / 2)} days have so many"


def test_a_slice_without_baseline_or_without_rows_is_stated(rng: np.random.Generator) -> None:
    reference = table(feature_x=numeric(rng.normal(size=500)))
    slices = [Slice("segment", "new", always(reference), None), Slice("segment", "gone", always(None), reference)]
    new, gone = judge(always(reference), reference, slices=slices).slices
    assert (new.state, new.rows, new.m) == ("missing_baseline", 500, 0)
    assert new.reason == "the baseline has no rows of this slice; capture a baseline that has"
    assert (gone.state, gone.rows, gone.m) == ("no_data", 0, 500)


def test_twenty_unchanged_slices_raise_no_more_alarms_than_one_model(rng: np.random.Generator) -> None:
    reference = normal_columns(rng, 5_000, count=4)
    alarms = 0
    for _ in range(40):
        slices = [Slice("segment", str(i), always(normal_columns(rng, 300, count=4)), reference) for i in range(20)]
        report = judge(always(normal_columns(rng, 6_000, count=4)), reference, slices=slices)
        alarms += not {"drift", "warning"}.isdisjoint([report.state, *(part.state for part in report.slices)])
    assert alarms <= 1
