"""The drift report of a model's day and its slices: which columns are comparable, and the state of each and of all.

Windows and their evidence do not belong here, they are in `windows.py`; the verdict on one column is in `column_verdict.py`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from guard_core.columns import feature_name
from guard_core.project_settings.drift import DriftSettings
from ml.monitoring.profiles.missing import missing_column, missing_share, with_missing_columns
from ml.monitoring.profiles.table import ColumnProfile, TableProfile, kind_of, value_count
from ml.monitoring.verdicts.between_days import BaselineDays
from ml.monitoring.verdicts.column_verdict import column_verdict, tests_of
from ml.monitoring.verdicts.false_discovery import adjusted_p_values
from ml.monitoring.verdicts.identifiers import describe_identifier, is_identifier, unseen_identifiers
from ml.monitoring.verdicts.report import STATES, ColumnVerdict, DriftReport, SliceVerdict, State, worst_state
from ml.monitoring.verdicts.windows import Column, Days, History, Window, weighted_p_values, windows_of

NO_DAYS: Final = BaselineDays()
"""A baseline of which nothing but its rows is known, such as a file."""


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """A slice that is judged beside the whole; attributes as the parameters of `judge`."""

    dimension: str
    value: str
    history: History
    reference: TableProfile | None
    baseline: BaselineDays = NO_DAYS


@dataclass(frozen=True, slots=True, eq=False)
class _Comparison:
    """Today's rows and a reference that have rows, with their derived columns.

    Attributes
    ----------
    names : columns to judge.
    incomparable : by column, the verdict on those that cannot be compared; None for the others.
    comparable : columns to test, among them derived ones.
    """

    history: History
    today: TableProfile
    reference: TableProfile
    baseline: BaselineDays
    names: Sequence[str]
    incomparable: Mapping[str, ColumnVerdict | None]
    comparable: Sequence[str]

    def columns(self, settings: DriftSettings, alpha: float) -> Iterator[Column]:
        """Plan the judgement of each column; alpha is the error rate of one."""
        for name in self.comparable:
            reference, today = self.reference.columns[name], self.today.columns[name]
            yield Column.of(name, reference, today, settings, self.baseline, alpha)

    def report(self, compared: Mapping[str, ColumnVerdict]) -> DriftReport:
        """Return the report, given the verdicts on the tested columns."""
        verdicts = tuple(
            _combined(verdict, compared.get(missing_column(name)), self.reference, self.today)
            for name in self.names
            if (verdict := self.incomparable[name] or compared[name])
        )
        state = _overall_state(verdicts)
        return DriftReport(state, _reason(state, verdicts), verdicts)


def judge(
    history: History,
    reference: TableProfile | None,
    settings: DriftSettings | None = None,
    baseline: BaselineDays = NO_DAYS,
    weekday: int = 0,
    slices: Sequence[Slice] = (),
) -> DriftReport:
    """Judge a model's newest day against its reference.

    A column's windows are looked at from the shortest one on, until one could not hide an effect of the drift threshold's size: by its
    number of rows, or, where the days of the baseline differ by more than chance, by its number of days. Each window has its
    part of the column's error for its rows and for its days. A column is `drift` when in one of them the effect reaches the
    drift threshold and the test is significant among all of the model's columns (Benjamini-Hochberg at `settings.alpha`);
    `warning` likewise, and also with a significant share of unseen values or change of one category's share, whatever the
    method; otherwise `stable` if the last window decides, else `insufficient_data`. The share of rows without a finite value is judged
    in the same way, by the categorical method; the worse of both is the column's state. A column that the reference lacks is
    `missing_baseline`, one that has changed its kind `kind_mismatch`, one without values today `no_data`, unless its missing
    values are drift; identifiers are `not_judged`, unless a method is set for the column.

    Each slice is judged in the same way against its own reference. The columns of the whole and of all slices are one family
    of tests, so that a day without any change raises an alarm anywhere with a probability of `settings.alpha`.

    Parameters
    ----------
    history : returns the profiles of the last k local days, oldest first, today included; None for a day without rows. Called with
        ascending k, as far as needed.
    reference : the baseline's profile, or None without a baseline.
    settings : default settings if None.
    baseline : how the days of the baseline differ (`between_days`).
    weekday : today's, from 0; needed only if the baseline has days.
    slices : parts of the rows to judge beside the whole.

    Examples
    --------
    >>> from ml.monitoring.profiles.numeric import NumericProfile
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
    sides = [(history, reference, baseline), *((part.history, part.reference, part.baseline) for part in slices)]
    whole, *of_slices = _judge_together([_compare(*side, settings) for side in sides], settings, weekday)
    verdicts = (_slice_verdict(part, report) for part, report in zip(slices, of_slices, strict=True))
    return replace(whole, slices=tuple(verdicts))


def _compare(
    history: History, reference: TableProfile | None, baseline: BaselineDays, settings: DriftSettings
) -> _Comparison | DriftReport:
    """Prepare the comparison of today's rows; return the report if one side has no rows."""
    if reference is None or not reference.rows:
        return DriftReport("missing_baseline", "there is no baseline; capture one from a stable period")
    newest = [day for day in history(settings.windows[0]) if day is not None and day.rows]
    if not newest:
        return DriftReport("no_data", "there are no rows in this window")
    today = TableProfile.merge(newest)
    names = [name for name in dict.fromkeys([*reference.columns, *today.columns]) if settings.judges(name)]
    today, reference = with_missing_columns(today, names), with_missing_columns(reference, names)
    incomparable = {
        name: _check_comparable(name, reference.columns.get(name), today.columns.get(name), settings) for name in names
    }
    comparable = [name for name in names if incomparable[name] is None]
    comparable += _columns_without_values(incomparable, reference, today)
    return _Comparison(history, today, reference, baseline, names, incomparable, comparable)


def _judge_together(
    parts: Sequence[_Comparison | DriftReport], settings: DriftSettings, weekday: int
) -> list[DriftReport]:
    """Judge comparisons as one family of tests; parts that are reports already stay as they are."""
    comparisons = [part for part in parts if isinstance(part, _Comparison)]
    tests = max(sum(len(comparison.comparable) for comparison in comparisons), 1)
    columns: list[Column] = []
    windows: list[list[Window]] = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for comparison in comparisons:
            days = Days(comparison.history, comparison.names, weekday)
            for column in comparison.columns(settings, settings.alpha / tests):
                columns.append(column)
                windows.append(windows_of(column, days, settings))
        verdicts = iter(_judge_columns(columns, windows, settings))
    return [
        part if isinstance(part, DriftReport) else part.report({name: next(verdicts) for name in part.comparable})
        for part in parts
    ]


def _check_comparable(
    column: str, reference: ColumnProfile | None, current: ColumnProfile | None, settings: DriftSettings
) -> ColumnVerdict | None:
    """Return the verdict on a column that lacks values on a side, has changed its kind or holds identifiers; None on others."""
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
    if reference and current and settings.override(column).method is None and is_identifier(reference, current):
        unseen = unseen_identifiers(reference, current)
        statistics = {"unseen_share": unseen}
        why = describe_identifier(unseen)
        return ColumnVerdict(column, kind, "not_judged", why, n=n, m=m, window_days=1, statistics=statistics)
    return None


def _columns_without_values(
    incomparable: Mapping[str, ColumnVerdict | None], reference: TableProfile, today: TableProfile
) -> list[str]:
    """Return the derived columns to judge: of columns with values in the reference and missing values on a side.

    Where nothing is missing on either side there is nothing to test. That depends on both samples together, so it does not bias
    the other tests.
    """
    return [
        missing_column(name)
        for name, verdict in incomparable.items()
        if (verdict is None or verdict.state in {"no_data", "not_judged"})
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


def _judge_columns(
    columns: Sequence[Column], windows: Sequence[Sequence[Window]], settings: DriftSettings
) -> list[ColumnVerdict]:
    weighted = [weighted_p_values(of_column) for of_column in windows]
    smallest = [min((p for pair in pairs for p in pair if p is not None), default=None) for pairs in weighted]
    tested = [p for p in smallest if p is not None]
    adjusted = iter(adjusted_p_values(tested).tolist())
    verdicts = []
    for column, of_column, pairs, p_value in zip(columns, windows, weighted, smallest, strict=True):
        factor = None if p_value is None else next(adjusted) / p_value
        tests = [test for window, pair in zip(of_column, pairs, strict=True) for test in tests_of(window, pair, factor)]
        verdicts.append(column_verdict(column, of_column, tests, settings.alpha))
    return verdicts


def _slice_verdict(part: Slice, report: DriftReport) -> SliceVerdict:
    """Return the verdict on a slice; only columns that have changed are part of it."""
    window_days = max((verdict.window_days or 1 for verdict in report.columns), default=1)
    rows, n = (sum(day.rows for day in part.history(days) if day is not None) for days in (1, window_days))
    return SliceVerdict(
        part.dimension,
        part.value,
        report.state,
        _reason_of_slice(part, report),
        rows,
        n,
        0 if part.reference is None else part.reference.rows,
        window_days,
        tuple(verdict for verdict in report.columns if verdict.state in {"drift", "warning"}),
    )


def _reason_of_slice(part: Slice, report: DriftReport) -> str:
    """Describe what decides the state of a slice: its worst column, or the first one that would have rows enough."""
    if part.reference is None:
        return "the baseline has no rows of this slice; capture a baseline that has"
    of_state = [verdict for verdict in report.columns if verdict.state == report.state]
    if report.state == "stable":
        return f"{len(of_state)} of {len(report.columns)} columns as in the baseline"
    if not of_state:
        return report.reason
    if report.state == "insufficient_data":
        first = min(of_state, key=lambda verdict: verdict.required_n or math.inf)
        return f"{feature_name(first.column)}: {first.reason}{_days_of_this_size(first)}"
    first = min(of_state, key=lambda verdict: verdict.adjusted_p_value or 0.0)
    return f"{len(of_state)} of {len(report.columns)} columns; {feature_name(first.column)}: {first.reason}"


def _days_of_this_size(verdict: ColumnVerdict) -> str:
    """Describe how many days would have the required values; empty if that is unknown."""
    if verdict.required_n is None or not (0 < verdict.n < verdict.required_n and verdict.window_days):
        return ""
    return f"; about {math.ceil(verdict.required_n * verdict.window_days / verdict.n)} days have so many"


def _reason(state: State, verdicts: tuple[ColumnVerdict, ...]) -> str:
    if not verdicts:
        return "no column is judged; send features or switch columns on"
    names = [verdict.column for verdict in verdicts if verdict.state == state]
    return f"{len(names)} of {len(verdicts)} columns: {', '.join(names)}"


def _overall_state(verdicts: Sequence[ColumnVerdict]) -> State:
    """Return the worst state; columns that cannot be judged yet do not count beside those that can."""
    states = [verdict.state for verdict in verdicts if verdict.n or verdict.m]
    if "stable" in states:
        states = [state for state in states if state != "insufficient_data"]
    return worst_state(states)
