"""Windows of a column: trailing days with the evidence of their rows and of their days, up to the first window that can decide.

Which windows are read depends on the baseline and on numbers of rows alone, never on the values. States are in `column_verdict.py`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from guard_core.project_settings.drift import DriftSettings
from ml.monitoring.profiles.missing import with_missing_columns
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile, TableProfile, columns_like, merge_columns, value_count
from ml.monitoring.verdicts.between_days import (
    WEEK,
    BaselineDays,
    ColumnDays,
    are_enough_days,
    days_p_value,
    profiles_of_days,
)
from ml.monitoring.verdicts.day_scores import cells_of, day_scores, size_of_change
from ml.monitoring.verdicts.evidence import Evidence, column_evidence
from ml.monitoring.verdicts.plan import CategoricalPlan, NumericPlan, categorical_plan, numeric_plan
from ml.monitoring.verdicts.sample_size import equivalent_psi

History = Callable[[int], Sequence[TableProfile | None]]
Plan = NumericPlan | CategoricalPlan

DAY_WINDOWS: Final = (5, 7, 10, 14, 28)
"""Lengths of the windows whose days are compared with those of the baseline."""
DAYS_SHARE: Final = 0.8
"""Part of the error of a column with a design effect that its tests of days have; those of rows have the rest."""
_MINIMUM_DAYS: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column with values on both sides.

    Attributes
    ----------
    today : its values of today, or of the shortest window.
    plan : how its windows are judged.
    weekly_plan : how windows of whole weeks are judged: with the design effect within weekdays, if that is known.
    days : the days of the baseline, if they differ by more than chance.
    cells : number of cells in which days are compared.
    day_level : significance level of the test of days of one window.
    """

    name: str
    reference: ColumnProfile
    today: ColumnProfile
    plan: Plan
    weekly_plan: Plan
    days: ColumnDays | None
    cells: int
    day_level: float

    @classmethod
    def of(
        cls,
        name: str,
        reference: ColumnProfile,
        today: ColumnProfile,
        settings: DriftSettings,
        baseline: BaselineDays,
        alpha: float,
    ) -> "Column":
        """Plan the judgement of a column; alpha is its own error rate, its share of the model's."""
        days, effect = baseline.columns.get(name), baseline.design_effects.get(name, 1.0)
        plan = _plan(name, reference, settings, alpha, effect)
        weekly = days.weekly_design_effect if days is not None and days.has_weekdays else effect
        weekly_plan = plan if weekly == effect else _plan(name, reference, settings, alpha, weekly)
        level = alpha * DAYS_SHARE / len(DAY_WINDOWS)
        return cls(name, reference, today, plan, weekly_plan, days, cells_of(settings, name), level)

    def change_of_a_day(self, plan: Plan) -> float:
        """Return by how much an effect of the drift threshold's size moves the first score of a day."""
        return size_of_change(self.reference, self.cells, equivalent_psi(plan.method, plan.thresholds.drift))


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One window of a column.

    Attributes
    ----------
    length : days, today included.
    current : the values of these days.
    evidence : of the values as rows, at the plan's design effect.
    rows_p_value : p-value of the test of rows; None if the window has too few rows or is compared by days only.
    days_p_value : p-value of the test of days; None if it is not compared by days.
    decides : whether a change of the drift threshold's size could not stay unseen in it.
    """

    length: int
    current: ColumnProfile
    plan: Plan
    evidence: Evidence
    rows_p_value: float | None
    days_p_value: float | None
    decides: bool

    @property
    def n(self) -> int:
        """The number of values."""
        return value_count(self.current)

    @property
    def can_never_decide(self) -> bool:
        """Whether the reference has too few rows for any window to decide, and this one has enough for a test."""
        return self.plan.needed.current is None and self.n >= self.plan.minimum_rows * self.plan.design_effect


class Days:
    """The newest days of a model, read as far back as needed, each with its derived columns."""

    def __init__(self, history: History, names: Sequence[str], weekday: int) -> None:
        self._history = history
        self._names = names
        self._read: dict[int, list[TableProfile | None]] = {}
        self.weekday = weekday

    def newest(self, length: int) -> list[TableProfile | None]:
        """Return the newest days, oldest first; None for a day without rows."""
        if length not in self._read:
            days = self._history(length)
            self._read[length] = [with_missing_columns(day, self._names) if day is not None else None for day in days]
        return self._read[length]

    def column(self, column: Column, length: int) -> list[ColumnProfile]:
        """Return the profiles of a column that are of the kind of today's."""
        tables = [day for day in self.newest(length) if day is not None]
        return columns_like(tables, column.name, column.today)


def windows_of(column: Column, days: Days, settings: DriftSettings) -> list[Window]:
    """Return the windows of a column, shortest first: up to the first that decides, or all."""
    windows: list[Window] = []
    for length, by_rows, by_days in _lengths(column, settings):
        window = _window(column, days, settings, length, by_rows=by_rows, by_days=by_days, before=windows)
        if window is not None:
            windows.append(window)
            if window.decides or (column.days is None and window.can_never_decide):
                break
    return windows


def _lengths(column: Column, settings: DriftSettings) -> Iterator[tuple[int, bool, bool]]:
    """Return the lengths to look at, ascending, each with whether its rows and whether its days are tested."""
    longest = settings.windows[-1]
    of_days = [n for n in DAY_WINDOWS if n <= longest and _can_compare_days(column.days, n)]
    for length in sorted({*settings.windows, *of_days}):
        yield length, length in settings.windows, length in of_days


def _can_compare_days(days: ColumnDays | None, length: int) -> bool:
    # Without means of weekdays, only whole weeks have the weekdays of the baseline.
    return days is not None and (days.has_weekdays or length % WEEK == 0)


def _window(
    column: Column,
    days: Days,
    settings: DriftSettings,
    length: int,
    *,
    by_rows: bool,
    by_days: bool,
    before: Sequence[Window],
) -> Window | None:
    """Return a window with its evidence; None if it has no values beyond those of a shorter one."""
    profiles = [column.today] if length == settings.windows[0] else days.column(column, length)
    n = sum(map(value_count, profiles))
    if before and n <= before[-1].n:
        return None
    current = profiles[0] if len(profiles) == 1 else merge_columns(profiles)
    plan = column.plan if length % WEEK else column.weekly_plan
    evidence = column_evidence(plan, column.reference, current)
    enough_rows = min(n, value_count(column.reference)) >= plan.minimum_rows
    days_p, enough_days = (
        _compare_days(column, column.days, days, length, plan) if by_days and column.days else (None, False)
    )
    needed = max(plan.needed.current or math.inf, math.ceil(plan.minimum_rows * plan.design_effect))
    return Window(
        length,
        current,
        plan,
        evidence,
        evidence.p_value if by_rows and enough_rows else None,
        days_p,
        (by_rows and n >= needed) or enough_days,
    )


def _compare_days(column: Column, before: ColumnDays, days: Days, length: int, plan: Plan) -> tuple[float | None, bool]:
    """Test the days of a window; return the p-value, and whether they are enough to see a change."""
    profiles, weekdays = profiles_of_days(days.newest(length), column.name, column.today, days.weekday)
    if len(profiles) < min(_MINIMUM_DAYS, length):
        return None, False
    p_value = days_p_value(before, day_scores(profiles, column.reference, column.cells), weekdays)
    return p_value, are_enough_days(before, column.change_of_a_day(plan), column.day_level, len(profiles))


def _plan(name: str, reference: ColumnProfile, settings: DriftSettings, alpha: float, design_effect: float) -> Plan:
    if isinstance(reference, NumericProfile):
        return numeric_plan(reference, settings, name, alpha, design_effect)
    return categorical_plan(reference, settings, name, alpha, design_effect)


def weighted_p_values(windows: Sequence[Window]) -> list[tuple[float | None, float | None]]:
    """Return the p-values of the windows' rows and days, divided by their parts of the column's error.

    If days are tested, they have `DAYS_SHARE` of it in equal parts; of the rest the longest window has one half, which is all if
    it is the only one.

    Examples
    --------
    >>> weighted_p_values([])
    []
    """
    of_rows = [window.rows_p_value for window in windows]
    of_days = [window.days_p_value for window in windows]
    rows, days = sum(p is not None for p in of_rows), sum(p is not None for p in of_days)
    rows_share = 1.0 if not days else 1 - DAYS_SHARE
    last = max((index for index, p in enumerate(of_rows) if p is not None), default=-1)
    parts = [
        rows_share * (1.0 if rows == 1 else 0.5 if index == last else 0.5 / (rows - 1)) for index in range(len(windows))
    ]
    return [
        (
            None if row is None else row / part,
            None if day is None else day * days / (DAYS_SHARE if rows else 1.0),
        )
        for row, day, part in zip(of_rows, of_days, parts, strict=True)
    ]
