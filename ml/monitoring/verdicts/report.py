"""Drift reports: a verdict for each column, a state for the model, and plain data for storage.

Deciding verdicts does not belong here; it is in `judge.py`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

State = Literal[
    "drift", "warning", "kind_mismatch", "missing_baseline", "no_data", "insufficient_data", "stable", "not_judged"
]
# Worst first: changes, then columns that cannot be compared, then those that cannot be judged yet, or not at all.
STATES: tuple[State, ...] = (
    "drift",
    "warning",
    "kind_mismatch",
    "missing_baseline",
    "no_data",
    "insufficient_data",
    "stable",
    "not_judged",
)


@dataclass(frozen=True, slots=True)
class ColumnVerdict:
    """The verdict on one column.

    Attributes
    ----------
    column : lake column name.
    kind : "numeric" or "categorical"; of the current sample where it has values.
    state : one of `STATES`.
    reason : a sentence with the numbers.
    method : the deciding statistic: a method, or `unseen_share` or `l_infinity`, which warn beside any method.
    effect : its value, in the unit of the two thresholds.
    warning_threshold, drift_threshold : effects from which a significant change is a warning or a drift; None: never.
    p_value : probability of an effect at least as large if nothing has changed, at these n and m.
    adjusted_p_value : the same over the column's windows and all of the model's columns, those of its slices included
        (Benjamini-Hochberg); None below the minimum of rows.
    n, m : values in the window and in the reference.
    design_effect : values that are worth one independent value, estimated from the days of the baseline.
    window_days : days in the window, today included.
    required_n : values required to detect an effect of the drift threshold's size; None if no number is enough with this
        reference.
    statistics : all statistics of the kind; None if not finite.
    missing_share, reference_missing_share : share of rows without a finite value, today and in the reference.
        If it decides, `n` and `m` are rows.
    about : what decides: the values, or the missing values.
    units : what counts as one observation in the deciding test: rows, or days that are compared with those of the baseline.
    """

    column: str
    kind: str
    state: State
    reason: str
    method: str | None = None
    effect: float | None = None
    warning_threshold: float | None = None
    drift_threshold: float | None = None
    p_value: float | None = None
    adjusted_p_value: float | None = None
    n: int = 0
    m: int = 0
    design_effect: float = 1.0
    window_days: int | None = None
    required_n: int | None = None
    statistics: Mapping[str, float | None] = field(default_factory=dict)
    missing_share: float | None = None
    reference_missing_share: float | None = None
    about: Literal["values", "missing"] = "values"
    units: Literal["rows", "days"] = "rows"


@dataclass(frozen=True, slots=True)
class SliceVerdict:
    """The verdict on one slice of a model's day.

    Attributes
    ----------
    dimension, value : the column and its value that all rows of the slice have.
    state : as that of a report.
    reason : a sentence with the numbers.
    rows : rows of the slice today.
    n, m : rows in the longest window of its columns, and in the reference.
    window_days : days in that window, today included.
    columns : verdicts on the columns that are drift or warning.
    """

    dimension: str
    value: str
    state: State
    reason: str
    rows: int = 0
    n: int = 0
    m: int = 0
    window_days: int = 1
    columns: tuple[ColumnVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The verdicts on all columns of a model's day.

    Attributes
    ----------
    state : the worst of the columns (in the order of `STATES`); columns empty on both sides do not count, those with
        insufficient data count only if no column is stable, those that are not judged only if there is no other.
    reason : a sentence with the columns.
    columns : verdicts, the reference's columns first, in their order.
    slices : verdicts on the slices that are judged too; they do not count for the state.
    omitted_slices : number of slices that are not judged because there are too many.
    """

    state: State
    reason: str
    columns: tuple[ColumnVerdict, ...] = ()
    slices: tuple[SliceVerdict, ...] = ()
    omitted_slices: int = 0

    @property
    def summary(self) -> dict[str, int]:
        """The number of columns by state, for all states."""
        counts = Counter(verdict.state for verdict in self.columns)
        return {state: counts[state] for state in STATES}

    def columns_in(self, state: State) -> list[str]:
        """Return the names of the columns in a state."""
        return [verdict.column for verdict in self.columns if verdict.state == state]

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-safe data, without NaN and infinity."""
        return {
            "state": self.state,
            "reason": self.reason,
            "summary": self.summary,
            "drifted": self.columns_in("drift"),
            "warned": self.columns_in("warning"),
            "columns": [asdict(verdict) for verdict in self.columns],
            "slices": [asdict(verdict) for verdict in self.slices],
            "omitted_slices": self.omitted_slices,
        }


def worst_state(states: list[State]) -> State:
    """Return the worst of some states, "no_data" if there are none.

    Examples
    --------
    >>> worst_state(["stable", "warning", "insufficient_data"])
    'warning'
    """
    return min(states, key=STATES.index, default="no_data")
