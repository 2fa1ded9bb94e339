"""The verdict on one column: the tests of its windows, and the state that follows from the significant ones.

Evidence and windows are in `windows.py`; the adjustment for many columns is in `judge.py`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from guard_core.project_settings.drift_methods import DEFAULT_THRESHOLDS, Thresholds
from ml.monitoring.profiles.table import kind_of, value_count
from ml.monitoring.verdicts.between_days import baseline_days_needed
from ml.monitoring.verdicts.exclusions import hidden_by_rounding
from ml.monitoring.verdicts.report import STATES, ColumnVerdict, State
from ml.monitoring.verdicts.windows import DAY_WINDOWS, Column, Plan, Window

UNSEEN_WARNING: Final = 0.005
"""Share of values outside the reference from which a significant one is a warning."""
_NO_DRIFT_THRESHOLD: Final = math.inf

Units = Literal["rows", "days"]


@dataclass(frozen=True, slots=True)
class Test:
    """One statistic of one window, with the p-value of its change.

    Attributes
    ----------
    units : what counts as one observation.
    adjusted_p_value : for the column's windows and all columns that are judged together; None if there are too few rows to test.
    """

    window: Window
    units: Units
    method: str
    thresholds: Thresholds
    effect: float
    p_value: float
    adjusted_p_value: float | None

    def is_significant(self, alpha: float) -> bool:
        """Return whether chance alone does not explain the change."""
        return self.adjusted_p_value is not None and self.adjusted_p_value <= alpha

    def state(self, alpha: float) -> State:
        """Return the state that follows from this test alone; "stable" if none does."""
        if self.is_significant(alpha) and self.effect >= self.thresholds.warning:
            return "drift" if self.effect >= self.thresholds.drift else "warning"
        return "stable"


def tests_of(window: Window, weighted: tuple[float | None, float | None], factor: float | None) -> Iterator[Test]:
    """Yield the tests of a window.

    Parameters
    ----------
    weighted : p-values of its rows and its days, divided by their parts of the column's error; None if not tested.
    factor : by which the p-values are adjusted for many columns; None if the column is not tested.
    """
    evidence, plan = window.evidence, window.plan
    units: tuple[Units, Units] = "rows", "days"
    for unit, p_value, weighted_p_value in zip(
        units, (window.rows_p_value, window.days_p_value), weighted, strict=True
    ):
        if p_value is None or weighted_p_value is None or factor is None:
            continue
        adjusted = min(weighted_p_value * factor, 1.0)
        yield Test(window, unit, plan.method, plan.thresholds, evidence.effect, p_value, adjusted)
        largest_change = evidence.statistics.get("l_infinity")
        if largest_change is not None and plan.method != "l_infinity":
            limits = Thresholds(DEFAULT_THRESHOLDS["l_infinity"].warning, _NO_DRIFT_THRESHOLD)
            yield Test(window, unit, "l_infinity", limits, largest_change, p_value, adjusted)
        if unit == "rows":
            share, p_unseen = evidence.statistics["unseen_share"] or 0.0, evidence.unseen_p_value
            adjusted = min(weighted_p_value * factor * p_unseen / p_value, 1.0)
            yield Test(
                window, unit, "unseen_share", Thresholds(UNSEEN_WARNING, _NO_DRIFT_THRESHOLD), share, p_unseen, adjusted
            )


def column_verdict(column: Column, windows: Sequence[Window], tests: Sequence[Test], alpha: float) -> ColumnVerdict:
    """Return the verdict: that of the worst test, or else that of the longest window."""
    worst = min(
        (test for test in tests if test.state(alpha) != "stable"),
        key=lambda test: (STATES.index(test.state(alpha)), test.adjusted_p_value),
        default=None,
    )
    if worst is not None:
        return _verdict(column, worst, worst.state(alpha), _reason_of_change(worst))
    window = windows[-1]
    test = next((test for test in tests if test.window is window), None) or _untested(window)
    hidden = hidden_by_rounding(column.reference)
    return _verdict(column, test, *(("not_judged", hidden) if hidden else _without_change(column, test, alpha)))


def _untested(window: Window) -> Test:
    plan, evidence = window.plan, window.evidence
    return Test(window, "rows", plan.method, plan.thresholds, evidence.effect, evidence.p_value, None)


def _verdict(column: Column, test: Test, state: State, reason: str) -> ColumnVerdict:
    window, plan = test.window, test.window.plan
    return ColumnVerdict(
        column.name,
        kind_of(window.current),
        state,
        f"{reason} ({plan.note})" if plan.note else reason,
        test.method,
        test.effect if math.isfinite(test.effect) else None,
        test.thresholds.warning,
        test.thresholds.drift if math.isfinite(test.thresholds.drift) else None,
        test.p_value,
        test.adjusted_p_value,
        window.n,
        value_count(column.reference),
        plan.design_effect,
        window.length,
        None if plan.needed.current is None else max(plan.needed.current, plan.minimum_rows),
        window.evidence.statistics,
        units=test.units,
    )


def _reason_of_change(test: Test) -> str:
    limit = test.thresholds.drift if test.effect >= test.thresholds.drift else test.thresholds.warning
    of_days = f", by comparing {test.window.length} days with those of the baseline" if test.units == "days" else ""
    return f"{test.method} {test.effect:.3g} reaches {limit:g}, adjusted p {test.adjusted_p_value:.2g}{of_days}"


def _without_change(column: Column, test: Test, alpha: float) -> tuple[State, str]:
    window, plan, m = test.window, test.window.plan, value_count(column.reference)
    if test.adjusted_p_value is None:
        side = "window" if window.n < plan.minimum_rows else "reference"
        return "insufficient_data", f"{min(window.n, m)} values in the {side}, at least {plan.minimum_rows} are needed"
    if not window.decides:
        shortage = _shortage(plan, window.n, m) + _shortage_of_days(column, plan)
        return "insufficient_data", f"{shortage} to see {plan.method} {plan.thresholds.drift:g}"
    size, chance = f"{plan.method} {test.effect:.3g}", f"adjusted p {test.adjusted_p_value:.2g}"
    noise = "what days differ by" if plan.design_effect > 1 else "sampling noise"
    why = f"is below {plan.thresholds.warning:g}, though" if test.is_significant(alpha) else f"is within {noise},"
    return "stable", f"{size} {why} {chance}"


def _shortage(plan: Plan, n: int, m: int) -> str:
    """Describe how many rows are missing to detect an effect of the drift threshold's size."""
    alike = ""
    if plan.design_effect > 1:
        alike = f", as {plan.design_effect:.3g} of a day say as much as one independent value,"
    if plan.needed.current is None:
        return f"the reference has {m} values, about {plan.needed.reference}{alike} are needed"
    return f"{n} values in the window, {max(plan.needed.current, plan.minimum_rows)}{alike} are needed"


def _shortage_of_days(column: Column, plan: Plan) -> str:
    """Describe how many days of baseline would be enough to compare days; empty if none are compared."""
    if column.days is None:
        return ""
    needed = baseline_days_needed(column.days, column.change_of_a_day(plan), column.day_level, DAY_WINDOWS[-1])
    if needed is None:
        return ", and its days differ too much for any baseline"
    return f", or about {needed} days of baseline (it has {len(column.days.scores)})"
