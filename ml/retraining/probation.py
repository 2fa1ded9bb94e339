"""The probation of a new champion: whether it is surely worse than the old one on the labelled days since its training.

The gain and its interval are those of `promotion`; reading rows, loading models and rolling back do not belong here.
"""

import math
from dataclasses import dataclass

import numpy as np

from guard_core.project_settings.promotion import MIN_PROBATION_DAYS
from ml.retraining.day_gains import Gain
from ml.retraining.promotion import LEVEL, PRIMARY, PairedAnswers, gain_of


@dataclass(frozen=True, slots=True)
class Look:
    """One comparison of the new champion with the old one.

    Attributes
    ----------
    days : labelled days that were compared. gain : of the new champion, with the interval at the level of this look.
    """

    days: int
    rows: int
    metric: str
    gain: Gain

    @property
    def is_defined(self) -> bool:
        """Whether the gain has an interval on these rows; a look without one has spent nothing of the level."""
        return self.gain.high is not None and math.isfinite(self.gain.high)

    @property
    def is_worse(self) -> bool:
        """Whether the interval of the gain lies below 0."""
        return self.gain.high is not None and self.gain.high < 0


def level_of_look(days: int, looked_at: int, probation_days: int) -> float:
    r"""Return the error of a look on that many labelled days, when the last look had `looked_at` of them.

    The level spent after d of D days is :math:`\alpha d / D`, linear in the days as in [1]_, and a look has what was
    spent since the one before. By Bonferroni's inequality all looks together have at most :math:`\alpha` = `LEVEL`, whether
    labels come every day or once a week; the exact boundary of the paper needs the correlation of the looks, which depends on the days.

    Raises
    ------
    ValueError
        If there are no new days, or more than the probation has.

    References
    ----------
    .. [1] Lan, K. K. G. and DeMets, D. L. (1983). Discrete sequential boundaries for clinical trials. Biometrika 70(3), 659-663.

    Examples
    --------
    >>> levels = [level_of_look(3, 0, 14), *(level_of_look(days, days - 1, 14) for days in range(4, 15))]
    >>> round(sum(levels), 10)
    0.025
    """
    if not looked_at < days <= probation_days:
        raise ValueError(f"days must be more than {looked_at} and at most {probation_days}, got {days}")
    return LEVEL * (days - looked_at) / probation_days


def is_look_due(days: int, rows: int, looked_at: int, min_rows: int) -> bool:
    """Return whether there are enough labelled days and rows for a look, and days that the last look did not have."""
    return days >= MIN_PROBATION_DAYS and days > looked_at and rows >= min_rows


def look_at(pair: PairedAnswers, looked_at: int, probation_days: int) -> Look:
    """Compare the new champion (the candidate of the pair) with the old one on all labelled days so far.

    Parameters
    ----------
    looked_at : labelled days of the last look, 0 before the first.

    Raises
    ------
    ValueError
        If the rows have no days.
    """
    if pair.days is None:
        raise ValueError("a probation is decided by days: the rows must have them")
    days = len(np.unique(pair.days))
    gain = gain_of(pair, level_of_look(days, looked_at, probation_days))
    return Look(days, len(pair.y_true), PRIMARY[pair.target.task], gain)
