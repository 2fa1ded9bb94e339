"""How the days of a baseline differ from each other, and the test whether newer days differ from them.

Where rows of a day resemble each other, days are the independent units: few, but honest. The design effect that converts rows is
`design_effect`, a day's scores are `day_scores`, the test is `rank_sum`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from guard_core.project_settings.drift import DriftSettings
from ml.monitoring.profiles.missing import missing_column, with_missing_columns
from ml.monitoring.profiles.table import ColumnProfile, TableProfile, columns_like, value_count
from ml.monitoring.verdicts.day_scores import cells_of, day_scores
from ml.monitoring.verdicts.design_effect import design_effect
from ml.monitoring.verdicts.rank_sum import rank_sum_p_value, smallest_p_value

WEEK: Final = 7
_DAYS_BY_WEEKDAY: Final = 3  # days of the baseline on each weekday from which the weekday's mean can be told from a day
_LONGEST_BASELINE: Final = 366
FIRST_SCORE_SHARE: Final = 0.8

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ColumnDays:
    """The days of a baseline in one column whose days differ by more than chance.

    Attributes
    ----------
    scores : by day, the scores of `day_scores`.
    weekdays : by day, from 0.
    weekly_design_effect : design effect of whole weeks: only the differences between days of the same weekday count.
    """

    scores: Sequence[Sequence[float]]
    weekdays: Sequence[int]
    weekly_design_effect: float

    @property
    def has_weekdays(self) -> bool:
        """Whether each weekday has enough days for the weekdays' means to be removed."""
        return bool(np.bincount(self.weekdays, minlength=WEEK).min() >= _DAYS_BY_WEEKDAY)


@dataclass(frozen=True, slots=True)
class BaselineDays:
    """What a baseline states about its days.

    Attributes
    ----------
    design_effects : by column, how many rows are worth one independent row; absent columns have 1.
    columns : by column, the days of those that have a design effect.
    """

    design_effects: Mapping[str, float] = field(default_factory=dict)
    columns: Mapping[str, ColumnDays] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, design_effects: Mapping[str, float], columns: Mapping[str, Any] | None) -> Self:
        """Read what `to_dict` has made; baselines that were captured before have no columns."""
        return cls(design_effects, {name: ColumnDays(**days) for name, days in (columns or {}).items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the columns as JSON-safe data."""
        return {name: asdict(days) for name, days in self.columns.items()}


def baseline_days(
    days: Sequence[TableProfile],
    weekdays: Sequence[int],
    reference: TableProfile,
    settings: DriftSettings | None = None,
) -> BaselineDays:
    """Describe how the days of a baseline differ; columns whose days differ by no more than chance are left out.

    Parameters
    ----------
    days, weekdays : profiles of the baseline's local days, oldest first, and their weekdays from 0.
    reference : their merge.
    settings : its `bins` are the number of cells; default settings if None.

    Examples
    --------
    >>> from ml.monitoring.profiles.numeric import NumericProfile
    >>> rng = np.random.default_rng(1)
    >>> def day(mean):
    ...     return TableProfile(500, {"feature_t": NumericProfile.from_values(rng.normal(mean, size=500))})
    >>> of_weekdays = [day(n % 7) for n in range(28)]
    >>> described = baseline_days(of_weekdays, [n % 7 for n in range(28)], TableProfile.merge(of_weekdays))
    >>> round(described.design_effects["feature_t"]) > 300, described.columns["feature_t"].weekly_design_effect
    (True, 1.0)
    """
    settings = settings or DriftSettings()
    judged = [name for name in reference.columns if settings.judges(name)]
    days = [with_missing_columns(day, judged) for day in days]
    reference = with_missing_columns(reference, judged)
    effects: dict[str, float] = {}
    columns: dict[str, ColumnDays] = {}
    for name in [*judged, *map(missing_column, judged)]:
        whole, cells = reference.columns[name], cells_of(settings, name)
        used = [
            (day.columns[name], weekday)
            for day, weekday in zip(days, weekdays, strict=True)
            if type(day.columns.get(name)) is type(whole) and 0 < value_count(day.columns[name]) < value_count(whole)
        ]
        profiles, of_weekdays = [profile for profile, _ in used], [weekday for _, weekday in used]
        effect = design_effect(profiles, whole, cells)
        if effect > 1:
            effects[name] = effect
            scores = day_scores(profiles, whole, cells)[-_LONGEST_BASELINE:]
            weekly = design_effect(profiles, whole, cells, of_weekdays)
            columns[name] = ColumnDays(scores.tolist(), of_weekdays[-_LONGEST_BASELINE:], weekly)
    return BaselineDays(effects, columns)


def days_p_value(column: ColumnDays, scores: Floats, weekdays: Sequence[int]) -> float:
    """Test the scores of the newest days against those of the days of the baseline, by rank sums.

    The first score has eight tenths of the error, the others share the rest.

    With three days or more of each weekday in the baseline, the weekdays' means are removed first: fitted by least squares
    beside the difference between baseline and newest days, with the residuals scaled for the degrees of freedom that the fit
    takes. Alignment before ranks: [1]_.

    Parameters
    ----------
    scores : (k, s) of the newest days.
    weekdays : (k,) from 0.

    Returns
    -------
    p-value.

    References
    ----------
    .. [1] J. Hodges and E. Lehmann, "Rank methods for combination of independent experiments in analysis of variance",
       Ann. Math. Stat. 33, 1962.

    Examples
    --------
    >>> weekly_wave = [[n % 7 / 10] for n in range(28)]
    >>> days = ColumnDays(weekly_wave, [n % 7 for n in range(28)], 1.0)
    >>> higher = np.array(weekly_wave[:5]) + 0.3
    >>> f"{days_p_value(days, higher, [0, 1, 2, 3, 4]):.1e}"
    '8.4e-06'
    """
    before = np.asarray(column.scores, np.float64)
    both = np.concatenate([before, scores])
    if column.has_weekdays:
        both = _without_weekdays(both, np.array([*column.weekdays, *weekdays]), len(before))
    first, second = both[: len(before)], both[len(before) :]
    p_values = [rank_sum_p_value(first[:, i], second[:, i]) for i in range(both.shape[1])]
    if len(p_values) == 1:
        return p_values[0]
    smallest_other = min(p_values[1:]) * (len(p_values) - 1) / (1 - FIRST_SCORE_SHARE)
    return min(p_values[0] / FIRST_SCORE_SHARE, smallest_other, 1.0)


def are_enough_days(column: ColumnDays, change: float, level: float, days: int) -> bool:
    """Return whether so many newest days show a change of the first score.

    They do if it exceeds the noise of the difference of two means of days, and days apart can reach the level at all.

    Parameters
    ----------
    change : `day_scores.size_of_change` of the drift threshold.
    level : significance level of the test of one score.
    """
    m = len(column.scores)
    if smallest_p_value(days, m) > level:
        return False
    return _noise(column, level) * math.sqrt(1 / days + 1 / m) <= change


def baseline_days_needed(column: ColumnDays, change: float, level: float, days: int) -> int | None:
    """Return how many days of baseline are needed to see such a change in so many newest days; None if no number is enough.

    Parameters are those of `are_enough_days`.
    """
    noise = _noise(column, level)
    inverse = (change / noise) ** 2 - 1 / days if noise else math.inf
    return math.ceil(1 / inverse) if inverse > 0 else None


def profiles_of_days(
    history: Sequence[TableProfile | None], name: str, example: ColumnProfile, weekday: int
) -> tuple[list[ColumnProfile], list[int]]:
    """Return a column's profiles of the newest days that have values, oldest first, and their weekdays.

    Parameters
    ----------
    history : the newest local days, oldest first, today included; None for a day without rows.
    weekday : today's.
    """
    profiles, weekdays = [], []
    for back, day in zip(range(len(history) - 1, -1, -1), history, strict=True):
        for profile in columns_like([day] if day is not None else [], name, example):
            if value_count(profile):
                profiles.append(profile)
                weekdays.append((weekday - back) % WEEK)
    return profiles, weekdays


def _without_weekdays(scores: Floats, weekdays: NDArray[np.int64], before: int) -> Floats:
    """Remove the means of weekdays from the scores of all days; the difference of the newest days stays."""
    design = np.zeros((len(scores), WEEK + 1))
    design[np.arange(len(scores)), weekdays] = 1.0
    design[before:, WEEK] = 1.0
    fitted, *_ = np.linalg.lstsq(design, scores, rcond=None)
    freedom = len(scores) - WEEK - 1
    residuals = (scores - design @ fitted) * math.sqrt((len(scores) - 2) / max(freedom, 1))
    residuals[before:] += fitted[WEEK]
    return residuals


def _noise(column: ColumnDays, level: float) -> float:
    """Return the critical difference of the first score of two days; within weekdays if their means are removed."""
    scores, weekdays = np.asarray(column.scores, np.float64)[:, 0], np.asarray(column.weekdays)
    groups = [scores[weekdays == day] for day in range(WEEK)] if column.has_weekdays else [scores]
    squares = sum(float(np.square(group - group.mean()).sum()) for group in groups)
    return math.sqrt(squares / (scores.size - len(groups))) * -float(ndtri(level / 2))
