"""The drift report of a model's day: which columns are comparable, and the state of each and of all.

Windows and their evidence do not belong here, they are in `windows.py`; the verdict on one column is in `column_verdict.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from guard_core.project_settings.drift import DriftSettings
from ml.monitoring.profiles.missing import missing_column, missing_share, with_missing_columns
from ml.monitoring.profiles.table import ColumnProfile, TableProfile, kind_of, value_count
from ml.monitoring.verdicts.between_days import BaselineDays
from ml.monitoring.verdicts.column_verdict import column_verdict, tests_of
from ml.monitoring.verdicts.false_discovery import adjusted_p_values
from ml.monitoring.verdicts.identifiers import describe_identifier, is_identifier, unseen_identifiers
from ml.monitoring.verdicts.report import STATES, ColumnVerdict, DriftReport, State, worst_state
from ml.monitoring.verdicts.windows import Column, Days, History, weighted_p_values, windows_of

NO_DAYS: Final = BaselineDays()
"""A baseline of which nothing but its rows is known, such as a file."""


def judge(
    history: History,
    reference: TableProfile | None,
    settings: DriftSettings | None = None,
    baseline: BaselineDays = NO_DAYS,
    weekday: int = 0,
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

    Parameters
    ----------
    history : returns the profiles of the last k local days, oldest first, today included; None for a day without rows. Called with
        ascending k, as far as needed.
    reference : the baseline's profile, or None without a baseline.
    settings : default settings if None.
    baseline : how the days of the baseline differ (`between_days`).
    weekday : today's, from 0; needed only if the baseline has days.

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
    comparable += _emptied_columns(incomparable, reference, today)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        columns = [
            Column.of(
                name, reference.columns[name], today.columns[name], settings, baseline, settings.alpha / len(comparable)
            )
            for name in comparable
        ]
        compared = _judge_columns(columns, Days(history, names, weekday), settings)
    verdicts = tuple(
        _combined(verdict, compared.get(missing_column(name)), reference, today)
        for name in names
        if (verdict := incomparable[name] or compared[name])
    )
    state = _headline(verdicts)
    return DriftReport(state, _reason(state, verdicts), verdicts)


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


def _judge_columns(columns: Sequence[Column], days: Days, settings: DriftSettings) -> dict[str, ColumnVerdict]:
    windows = [windows_of(column, days, settings) for column in columns]
    weighted = [weighted_p_values(of_column) for of_column in windows]
    smallest = [min((p for pair in pairs for p in pair if p is not None), default=None) for pairs in weighted]
    tested = [p for p in smallest if p is not None]
    adjusted = iter(adjusted_p_values(tested).tolist())
    verdicts = {}
    for column, of_column, pairs, p_value in zip(columns, windows, weighted, smallest, strict=True):
        factor = None if p_value is None else next(adjusted) / p_value
        tests = [test for window, pair in zip(of_column, pairs, strict=True) for test in tests_of(window, pair, factor)]
        verdicts[column.name] = column_verdict(column, of_column, tests, settings.alpha)
    return verdicts


def _reason(state: State, verdicts: tuple[ColumnVerdict, ...]) -> str:
    if not verdicts:
        return "no column is judged; send features or switch columns on"
    names = [verdict.column for verdict in verdicts if verdict.state == state]
    return f"{len(names)} of {len(verdicts)} columns: {', '.join(names)}"


def _headline(verdicts: Sequence[ColumnVerdict]) -> State:
    """Return the worst state; columns that cannot be judged yet do not count beside those that can."""
    states = [verdict.state for verdict in verdicts if verdict.n or verdict.m]
    if "stable" in states:
        states = [state for state in states if state != "insufficient_data"]
    return worst_state(states)
