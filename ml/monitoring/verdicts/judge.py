"""The drift report of a model's day: states and windows of its columns.

Effects and p-values do not belong here, they are in `evidence.py`; neither do required rows, which are in `plan.py`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from guard_core.project_settings.drift import DriftSettings
from ml.monitoring.profiles.missing import missing_column, missing_share, with_missing_columns
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import (
    ColumnProfile,
    TableProfile,
    columns_like,
    kind_of,
    merge_columns,
    value_count,
)
from ml.monitoring.verdicts.evidence import Evidence, column_evidence
from ml.monitoring.verdicts.false_discovery import adjusted_p_values
from ml.monitoring.verdicts.plan import CategoricalPlan, NumericPlan, categorical_plan, numeric_plan
from ml.monitoring.verdicts.report import STATES, ColumnVerdict, DriftReport, State, worst_state

History = Callable[[int], Sequence[TableProfile]]


@dataclass(frozen=True, slots=True, eq=False)
class _Comparison:
    """A column with values on both sides, in the window to judge."""

    column: str
    plan: NumericPlan | CategoricalPlan
    reference: ColumnProfile
    current: ColumnProfile
    window_days: int


def judge(
    history: History,
    reference: TableProfile | None,
    settings: DriftSettings | None = None,
    design_effects: Mapping[str, float] | None = None,
) -> DriftReport:
    """Judge a model's newest day against its reference.

    A column is `drift` when its effect reaches the drift threshold and is significant among all of the model's columns
    (Benjamini-Hochberg at `settings.alpha`); `warning` likewise; otherwise `stable`, if the rows are enough to detect an
    effect of the drift threshold's size. If they are not, the column's window is extended backwards until they are. If the
    longest window is too short for that, the state is `insufficient_data`, unless the change is so large that it is
    significant drift nevertheless. The share of rows without a finite value is judged in the same way, by the categorical
    method; the worse of both is the column's state. A column that the reference lacks is `missing_baseline`, one that has
    changed its kind `kind_mismatch`, one without values today `no_data`, unless its missing values are drift.

    Parameters
    ----------
    history : returns the profiles of those of the last k local days, today included, that have rows. Called with ascending k
        from `settings.windows`, as far as needed.
    reference : the baseline's profile, or None without a baseline.
    settings : default settings if None.
    design_effects : by column, how many rows are worth one independent row (`design_effect.py`); absent columns have 1.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> def table(mean, rows):
    ...     return TableProfile(rows, {"feature_age": NumericProfile.from_values(rng.normal(mean, size=rows))})
    >>> report = judge(lambda days: [table(1.0, 300)] * days, table(0.0, 2000))
    >>> report.state, report.columns[0].method, report.columns[0].window_days
    ('drift', 'psi', 1)
    >>> judge(lambda days: [table(1.0, 300)], None).state
    'missing_baseline'
    """
    settings = settings or DriftSettings()
    if reference is None or not reference.rows:
        return DriftReport("missing_baseline", "there is no baseline; capture one from a stable period")
    newest = [day for day in history(settings.windows[0]) if day.rows]
    if not newest:
        return DriftReport("no_data", "there are no rows in this window")
    today = TableProfile.merge(newest)
    names = [name for name in dict.fromkeys([*reference.columns, *today.columns]) if settings.judges(name)]
    today, reference = with_missing_columns(today, names), with_missing_columns(reference, names)
    incomparable = {
        name: _check_comparable(name, reference.columns.get(name), today.columns.get(name)) for name in names
    }
    comparable = [name for name in names if incomparable[name] is None]
    comparable += _emptied_columns(incomparable, reference, today)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        compared = _compare(
            comparable,
            lambda days: [with_missing_columns(day, names) for day in history(days)],
            today,
            reference.columns,
            settings,
            design_effects or {},
        )
    verdicts = tuple(
        _combined(verdict, compared.get(missing_column(name)), reference, today)
        for name in names
        if (verdict := incomparable[name] or compared[name])
    )
    state = worst_state([verdict.state for verdict in verdicts if verdict.n or verdict.m])
    return DriftReport(state, _reason(state, verdicts), verdicts)


def _check_comparable(
    column: str, reference: ColumnProfile | None, current: ColumnProfile | None
) -> ColumnVerdict | None:
    """Return the verdict on a column that lacks values on a side or has changed its kind; None if it can be compared."""
    m, n = value_count(reference), value_count(current)
    kind = kind_of(current if n or reference is None else reference)
    if not (n or m):
        return ColumnVerdict(column, kind, "no_data", "neither the reference nor the window has values")
    if not n:
        return ColumnVerdict(column, kind, "no_data", "the window has no values, the reference has", m=m)
    if not m:
        why = "unseen feature: the reference does not know it" if reference is None else "the reference has no values"
        return ColumnVerdict(column, kind, "missing_baseline", f"{why}; capture a new baseline", n=n)
    if kind_of(reference) != kind:
        why = f"{kind_of(reference)} in the reference, {kind} now; set the kind or capture a new baseline"
        return ColumnVerdict(column, kind, "kind_mismatch", why, n=n, m=m)
    return None


def _emptied_columns(
    incomparable: Mapping[str, ColumnVerdict | None], reference: TableProfile, today: TableProfile
) -> list[str]:
    """Return the derived columns to judge: of columns with values in the reference and missing values on a side.

    Where nothing is missing on either side there is nothing to test. That depends on both samples together, so it does not bias
    the other tests.
    """
    return [
        missing_column(name)
        for name, verdict in incomparable.items()
        if (verdict is None or verdict.state == "no_data")
        and value_count(reference.columns.get(name))
        and missing_share(reference, name) + missing_share(today, name) > 0
    ]


def _combined(
    values: ColumnVerdict, missing: ColumnVerdict | None, reference: TableProfile, today: TableProfile
) -> ColumnVerdict:
    """Return the verdict on a column: that on its values or that on its missing values, whichever is worse."""
    share, reference_share = (missing_share(table, values.column) for table in (today, reference))
    if missing is not None and missing.state in {"drift", "warning"}:
        why = f"missing or not finite in {share:.1%} of the rows, {reference_share:.1%} in the reference: {missing.reason}"
        if STATES.index(missing.state) < STATES.index(values.state):
            values = replace(
                missing,
                column=values.column,
                kind=values.kind,
                reason=why,
                statistics=values.statistics,
                about="missing",
            )
        else:
            values = replace(values, reason=f"{values.reason}; {why}")
    return replace(values, missing_share=share, reference_missing_share=reference_share)


def _compare(
    names: list[str],
    history: History,
    today: TableProfile,
    references: Mapping[str, ColumnProfile],
    settings: DriftSettings,
    design_effects: Mapping[str, float],
) -> dict[str, ColumnVerdict]:
    alpha = settings.alpha / max(len(names), 1)
    plans = {name: _plan(references[name], settings, name, alpha, design_effects.get(name, 1.0)) for name in names}
    chosen = _windows(plans, history, today, settings.windows)
    comparisons = [_Comparison(name, plans[name], references[name], *chosen[name]) for name in names]
    evidence = [column_evidence(entry.plan, entry.reference, entry.current) for entry in comparisons]
    tested = [_enough_for_a_test(comparison) for comparison in comparisons]
    adjusted: Iterator[float] = iter(
        adjusted_p_values([item.p_value for item, used in zip(evidence, tested, strict=True) if used]).tolist()
    )
    return {
        comparison.column: _verdict(comparison, item, next(adjusted) if used else None, settings.alpha)
        for comparison, item, used in zip(comparisons, evidence, tested, strict=True)
    }


def _windows(
    plans: Mapping[str, NumericPlan | CategoricalPlan], history: History, today: TableProfile, days: tuple[int, ...]
) -> dict[str, tuple[ColumnProfile, int]]:
    """Choose by column the first window with enough values, or else the longest one with more values."""
    chosen = dict.fromkeys(plans, days[0])
    counts = {name: value_count(today.columns[name]) for name in plans}
    # With a reference that is too small no window is enough: the first one with the minimum of independent rows is used.
    required = {
        name: max(plan.needed.current or 0, math.ceil(plan.minimum_rows * plan.design_effect))
        for name, plan in plans.items()
    }
    tables: dict[int, Sequence[TableProfile]] = {}
    for longer in days[1:]:
        short = [name for name in plans if counts[name] < required[name]]
        if not short:
            break
        tables[longer] = history(longer)
        for name in short:
            values = sum(map(value_count, columns_like(tables[longer], name, today.columns[name])))
            if values > counts[name]:
                chosen[name], counts[name] = longer, values
    return {
        name: (
            today.columns[name] if n == days[0] else merge_columns(columns_like(tables[n], name, today.columns[name])),
            n,
        )
        for name, n in chosen.items()
    }


def _verdict(comparison: _Comparison, evidence: Evidence, adjusted: float | None, alpha: float) -> ColumnVerdict:
    plan, n, m = comparison.plan, value_count(comparison.current), value_count(comparison.reference)
    state, reason = _state(comparison, evidence, adjusted, alpha)
    return ColumnVerdict(
        comparison.column,
        kind_of(comparison.current),
        state,
        f"{reason} ({plan.note})" if plan.note else reason,
        plan.method,
        evidence.effect if np.isfinite(evidence.effect) else None,
        plan.thresholds.warning,
        plan.thresholds.drift,
        evidence.p_value,
        adjusted,
        n,
        m,
        plan.design_effect,
        comparison.window_days,
        None if plan.needed.current is None else max(plan.needed.current, plan.minimum_rows),
        evidence.statistics,
    )


def _state(comparison: _Comparison, evidence: Evidence, adjusted: float | None, alpha: float) -> tuple[State, str]:
    plan, n, m = comparison.plan, value_count(comparison.current), value_count(comparison.reference)
    limits = plan.thresholds
    if adjusted is None:
        side = "window" if n < plan.minimum_rows else "reference"
        return "insufficient_data", f"{min(n, m)} values in the {side}, at least {plan.minimum_rows} are needed"
    size, chance = f"{plan.method} {evidence.effect:.3g}", f"adjusted p {adjusted:.2g}"
    significant = adjusted <= alpha
    if significant and evidence.effect >= limits.drift:
        return "drift", f"{size} reaches {limits.drift:g}, {chance}"
    if shortage := _shortage(plan, n, m):
        return "insufficient_data", f"{shortage} to see {plan.method} {limits.drift:g}"
    if significant and evidence.effect >= limits.warning:
        return "warning", f"{size} reaches {limits.warning:g}, {chance}"
    why = f"is below {limits.warning:g}, though" if significant else "is within sampling noise,"
    return "stable", f"{size} {why} {chance}"


def _shortage(plan: NumericPlan | CategoricalPlan, n: int, m: int) -> str:
    """Describe what is missing to detect an effect of the drift threshold's size; empty if nothing is."""
    alike = ""
    if plan.design_effect > 1:
        alike = f", as {plan.design_effect:.3g} of a day say as much as one independent value,"
    if plan.needed.current is None:
        return f"the reference has {m} values, about {plan.needed.reference}{alike} are needed"
    return f"{n} values in the window, {plan.needed.current}{alike} are needed" if n < plan.needed.current else ""


def _reason(state: State, verdicts: tuple[ColumnVerdict, ...]) -> str:
    if not verdicts:
        return "no column is judged; send features or switch columns on"
    names = [verdict.column for verdict in verdicts if verdict.state == state]
    return f"{len(names)} of {len(verdicts)} columns: {', '.join(names)}"


def _plan(
    reference: ColumnProfile, settings: DriftSettings, column: str, alpha: float, design_effect: float
) -> NumericPlan | CategoricalPlan:
    if isinstance(reference, NumericProfile):
        return numeric_plan(reference, settings, column, alpha, design_effect)
    return categorical_plan(reference, settings, column, alpha, design_effect)


def _enough_for_a_test(comparison: _Comparison) -> bool:
    return min(value_count(comparison.current), value_count(comparison.reference)) >= comparison.plan.minimum_rows
