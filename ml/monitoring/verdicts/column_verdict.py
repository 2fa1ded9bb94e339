"""The verdict on one column: the tests of its windows, and the state that follows from the significant ones.

Evidence and windows are in `windows.py`; the adjustment for many columns is in `judge.py`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from guard_core.project_settings.drift_methods import DEFAULT_THRESHOLDS, Thresholds
from ml.monitoring.profiles.table import kind_of, value_count
from ml.monitoring.verdicts.between_days import baseline_days_needed
from ml.monitoring.verdicts.report import STATES, ColumnVerdict, State
from ml.monitoring.verdicts.sample_size import equivalent_psi
from ml.monitoring.verdicts.windows import DAY_WINDOWS, DAYS_SHARE, Column, Plan, Window

UNSEEN_WARNING: Final = 0.005
"""Share of values outside the reference from which a significant one is a warning."""
_NEVER: Final = math.inf

Units = Literal["rows", "days"]


@dataclass(frozen=True, slots=True)
class Test:
    """One statistic of one window, with the p-value of its change.

    Attributes
    ----------
    units : what counts as one observation.
    adjusted_p_value : for the column's windows and all of the model's columns.
    """

    window: Window
    units: Units
    method: str
    thresholds: Thresholds
    effect: float
    p_value: float
    adjusted_p_value: float

    def state(self, alpha: float) -> State:
        """Return the state that follows from this test alone; "stable" if none does."""
        if self.adjusted_p_value <= alpha and self.effect >= self.thresholds.warning:
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
    for unit, p_value, divided in zip(units, (window.rows_p_value, window.days_p_value), weighted, strict=True):
        if p_value is None or divided is None or factor is None:
            continue
        adjusted = min(divided * factor, 1.0)
        yield Test(window, unit, plan.method, plan.thresholds, evidence.effect, p_value, adjusted)
        largest_change = evidence.statistics.get("l_infinity")
        if largest_change is not None and plan.method != "l_infinity":
            limits = Thresholds(DEFAULT_THRESHOLDS["l_infinity"].warning, _NEVER)
            yield Test(window, unit, "l_infinity", limits, largest_change, p_value, adjusted)
        if unit == "rows":
            share, p_unseen = evidence.statistics["unseen_share"] or 0.0, evidence.unseen_p_value
            adjusted = min(divided * factor * p_unseen / p_value, 1.0)
            yield Test(window, unit, "unseen_share", Thresholds(UNSEEN_WARNING, _NEVER), share, p_unseen, adjusted)


def column_verdict(column: Column, windows: Sequence[Window], tests: Sequence[Test], alpha: float) -> ColumnVerdict:
    """Return the verdict: that of the worst test, or else that of the longest window."""
    worst = min(
        (test for test in tests if test.state(alpha) != "stable"),
        key=lambda test: (STATES.index(test.state(alpha)), test.adjusted_p_value),
        default=None,
    )
    window = windows[-1] if worst is None else worst.window
    shown = worst or next((test for test in tests if test.window is window), None)
    if worst is not None:
        state, reason = worst.state(alpha), _reason_of_change(worst)
    else:
        state, reason = _without_change(column, window, shown, alpha)
    plan = window.plan
    drift = plan.thresholds.drift if shown is None else shown.thresholds.drift
    effect = window.evidence.effect if shown is None else shown.effect
    return ColumnVerdict(
        column.name,
        kind_of(window.current),
        state,
        f"{reason} ({plan.note})" if plan.note else reason,
        plan.method if shown is None else shown.method,
        effect if np.isfinite(effect) else None,
        plan.thresholds.warning if shown is None else shown.thresholds.warning,
        drift if math.isfinite(drift) else None,
        window.evidence.p_value if shown is None else shown.p_value,
        None if shown is None else shown.adjusted_p_value,
        window.n,
        value_count(column.reference),
        plan.design_effect,
        window.length,
        None if plan.needed.current is None else max(plan.needed.current, plan.minimum_rows),
        window.evidence.statistics,
        units="rows" if shown is None else shown.units,
    )


def _reason_of_change(test: Test) -> str:
    limit = test.thresholds.drift if test.effect >= test.thresholds.drift else test.thresholds.warning
    of_days = f", by comparing {test.window.length} days with those of the baseline" if test.units == "days" else ""
    return f"{test.method} {test.effect:.3g} reaches {limit:g}, adjusted p {test.adjusted_p_value:.2g}{of_days}"


def _without_change(column: Column, window: Window, test: Test | None, alpha: float) -> tuple[State, str]:
    plan, m = window.plan, value_count(column.reference)
    if test is None:
        side = "window" if window.n < plan.minimum_rows else "reference"
        return "insufficient_data", f"{min(window.n, m)} values in the {side}, at least {plan.minimum_rows} are needed"
    if not window.decides:
        shortage = _shortage(plan, window.n, m) + _shortage_of_days(column, window)
        return "insufficient_data", f"{shortage} to see {plan.method} {plan.thresholds.drift:g}"
    size, chance = f"{plan.method} {window.evidence.effect:.3g}", f"adjusted p {test.adjusted_p_value:.2g}"
    is_significant = test.adjusted_p_value <= alpha
    noise = "what days differ by" if plan.design_effect > 1 else "sampling noise"
    why = f"is below {plan.thresholds.warning:g}, though" if is_significant else f"is within {noise},"
    return "stable", f"{size} {why} {chance}"


def _shortage(plan: Plan, n: int, m: int) -> str:
    """Describe how many rows are missing to detect an effect of the drift threshold's size."""
    alike = ""
    if plan.design_effect > 1:
        alike = f", as {plan.design_effect:.3g} of a day say as much as one independent value,"
    if plan.needed.current is None:
        return f"the reference has {m} values, about {plan.needed.reference}{alike} are needed"
    return f"{n} values in the window, {max(plan.needed.current, plan.minimum_rows)}{alike} are needed"


def _shortage_of_days(column: Column, window: Window) -> str:
    """Describe how many days of baseline would be enough to compare days; empty if none are compared."""
    if column.days is None:
        return ""
    level = column.alpha * DAYS_SHARE / len(DAY_WINDOWS)
    change = equivalent_psi(window.plan.method, window.plan.thresholds.drift)
    needed = baseline_days_needed(column.days, column.reference, column.cells, change, level, DAY_WINDOWS[-1])
    if needed is None:
        return ", and its days differ too much for any baseline"
    return f", or about {needed} days of baseline (it has {len(column.days.scores)})"
