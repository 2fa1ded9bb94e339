"""Scores of a day: few numbers that state where a column's values lie among those of the baseline.

Tests of scores are in `between_days`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from guard_core.project_settings.drift import DriftSettings
from ml.monitoring.distances.bins import reference_cuts
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile, value_count

SCORED_CATEGORIES = 3

Floats = NDArray[np.float64]
Profile = TypeVar("Profile", NumericProfile, CategoricalProfile)


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Weights of a column's cells in each score.

    Attributes
    ----------
    weights : (scores, cells). Of numbers two scores: the mean of the probability integral transform, and its mean distance
        from one half. Of categories the shares of the most frequent ones, the first of them the most frequent.
    deviations : (scores,) standard deviation of a score over the rows of the baseline.
    """

    weights: Floats
    deviations: Floats


@lru_cache(maxsize=1024)  # a baseline is the reference of many days and windows
def scale_of(reference: ColumnProfile, cells: int) -> Scale:
    """Return the scores of a column with so many cells.

    Examples
    --------
    >>> uniform = scale_of(NumericProfile.from_values(np.arange(100.0)), cells=10)
    >>> uniform.weights.round(2)[:, :4].tolist(), uniform.deviations.round(2).tolist()
    ([[0.05, 0.15, 0.25, 0.35], [0.45, 0.35, 0.25, 0.15]], [0.29, 0.14])
    """
    (rows,) = cell_counts([reference], reference, cells)
    shares = rows / value_count(reference)
    if isinstance(reference, NumericProfile):
        transform = np.cumsum(shares) - shares / 2
        weights = np.stack([transform, np.abs(transform - 0.5)])
    else:
        weights = np.eye(shares.size)[: min(SCORED_CATEGORIES, max(shares.size - 1, 1))]
    means = weights @ shares
    return Scale(weights, np.sqrt(np.maximum(np.square(weights) @ shares - means**2, 0.0)))


def size_of_change(reference: ColumnProfile, cells: int, psi: float) -> float:
    """Return by how much an effect of this PSI moves the first score of a day.

    To second order √PSI of the score's standard deviation over rows, as of a shift of a normal distribution.

    Examples
    --------
    >>> round(size_of_change(NumericProfile.from_values(np.arange(100.0)), cells=10, psi=0.2), 3)
    0.128
    """
    return math.sqrt(psi) * float(scale_of(reference, cells).deviations[0])


def cell_counts(profiles: Sequence[ColumnProfile], reference: ColumnProfile, cells: int) -> Floats:
    """Count rows by profile and cell: bins of the reference, or its most frequent categories and all others together.

    Parameters
    ----------
    profiles : (d,) of the reference's kind.
    cells : largest number of cells.

    Returns
    -------
    (d, k) rows.

    Raises
    ------
    TypeError
        If a profile is not of the reference's kind.
    """
    if isinstance(reference, NumericProfile):
        cuts = reference_cuts(reference, cells)
        return np.array([cuts.counts(_same_kind(profile, NumericProfile)) for profile in profiles])
    names = list(reference.counts)[: cells - 1]
    return np.array([_counts_by_name(_same_kind(profile, CategoricalProfile), names) for profile in profiles])


def cells_of(settings: DriftSettings, column: str) -> int:
    """Return the number of cells of a column."""
    return settings.override(column).bins or settings.bins


def day_scores(days: Sequence[ColumnProfile], reference: ColumnProfile, cells: int) -> Floats:
    """Return the scores of each day, (days, scores); every day has values.

    Examples
    --------
    >>> normal = np.random.default_rng(1).normal(size=1000)
    >>> reference, higher = (NumericProfile.from_values(values) for values in (normal, normal + 1))
    >>> day_scores([reference, higher], reference, cells=10).round(2).tolist()
    [[0.5, 0.25], [0.76, 0.32]]
    """
    scale = scale_of(reference, cells)
    rows = cell_counts(days, reference, cells)
    scores: Floats = rows @ scale.weights.T / rows.sum(axis=1, keepdims=True)
    return scores


def _counts_by_name(profile: CategoricalProfile, names: Sequence[str]) -> Floats:
    listed = [profile.counts.get(name, 0) for name in names]
    return np.array([*listed, profile.non_null - sum(listed)], np.float64)


def _same_kind(profile: ColumnProfile, kind: type[Profile]) -> Profile:
    if isinstance(profile, kind):
        return profile
    raise TypeError("profiles: one is numeric and the other categorical; profile both with the same kind")
