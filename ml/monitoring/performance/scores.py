"""Metrics of probabilities: ranking and calibration, under many weightings of the rows at once.

Formulas over weights belong here; where the weights come from (labels, resamples, estimates) does not.
"""

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy.stats import foldnorm

from ml.monitoring.performance.roc_auc import roc_auc_of_groups

Floats = npt.NDArray[np.float64]
CALIBRATION_BINS = 10
_SMALLEST = 1e-15


class Scores(NamedTuple):
    """Distinct scores in ascending order, with the log loss of a positive and of a negative row."""

    score: Floats
    loss_positive: Floats
    loss_negative: Floats

    @classmethod
    def of(cls, score: Floats) -> Self:
        """Create it from ascending distinct scores between 0 and 1; log losses are clipped at 1e-15, as in scikit-learn."""
        clipped = np.clip(score, _SMALLEST, 1 - _SMALLEST)
        return cls(score, -np.log(clipped), -np.log1p(-clipped))


def score_metrics(scores: Scores, positive: Floats, negative: Floats) -> dict[str, Floats]:
    """Compute metrics under b weightings of k distinct scores.

    Parameters
    ----------
    scores : k ascending scores.
    positive, negative : (b, k) weight of the positive and of the negative rows with each score.

    Returns
    -------
    (b,) each: `roc_auc` (ties count half), `pr_auc` (average precision), `log_loss`, `brier` and `calibration_error`
    (expected calibration error, 10 bins of equal width). Metrics that do not exist (with one class only) are NaN.
    """
    both = positive + negative
    total = both.sum(axis=1)
    positives, negatives = positive.sum(axis=1), negative.sum(axis=1)
    descending = np.cumsum(positive[:, ::-1], axis=1)
    selected = np.cumsum(both[:, ::-1], axis=1)
    starts = _bin_starts(scores)
    gaps = np.abs(np.add.reduceat(positive - scores.score * both, starts, axis=1)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(selected > 0, descending / selected, 0.0)
        one_class = (positives <= 0) | (negatives <= 0)
        return {
            "roc_auc": roc_auc_of_groups(positive, negative),
            "pr_auc": np.where(one_class, np.nan, (positive[:, ::-1] * precision).sum(axis=1) / positives),
            "log_loss": (positive @ scores.loss_positive + negative @ scores.loss_negative) / total,
            "brier": (positive @ (1 - scores.score) ** 2 + negative @ scores.score**2) / total,
            "calibration_error": gaps / total,
        }


def expected_calibration_error(scores: Scores, rows: Floats, share: Floats) -> float:
    r"""Return the expectation of the calibration error of labels that are drawn from known probabilities.

    A bin's gap :math:`|\sum (y_i - s_i)|` is about folded normal: with mean :math:`\sum (p_i - s_i)` and variance
    :math:`\sum p_i (1 - p_i)` before the sign is dropped. So perfect probabilities have an error above 0, as labels show it.

    Parameters
    ----------
    scores : k ascending scores. rows : (k,) rows with each score. share : (k,) their probability of a positive label.

    Examples
    --------
    >>> score = np.array([0.25, 0.75])
    >>> round(expected_calibration_error(Scores.of(score), np.array([100.0, 100.0]), score), 4)
    0.0345
    """
    starts = _bin_starts(scores)
    gap = np.abs(np.add.reduceat(rows * (share - scores.score), starts))
    deviation = np.sqrt(np.add.reduceat(rows * share * (1 - share), starts))
    is_noisy = deviation > 0
    noisy = foldnorm.mean(gap[is_noisy] / deviation[is_noisy], scale=deviation[is_noisy])
    return float((np.sum(noisy) + gap[~is_noisy].sum()) / rows.sum())


def calibration_parts(score: Floats, positive: npt.NDArray[np.bool_]) -> Floats:
    """Return the part of each row in the calibration error: its label minus its score, with the sign of its bin's sum.

    Parameters
    ----------
    score : (n,) between 0 and 1. positive : (n,) labels.

    Returns
    -------
    (n,) values, whose mean is the expected calibration error of `score_metrics`.

    Examples
    --------
    >>> calibration_parts(np.array([0.25, 0.25, 0.75]), np.array([True, False, True]))
    array([ 0.75, -0.25,  0.25])
    """
    bins = _bins_of(score)
    gap = positive - score
    return np.asarray(gap * np.sign(np.bincount(bins, gap, minlength=CALIBRATION_BINS))[bins])


def _bins_of(score: Floats) -> npt.NDArray[np.intp]:
    """Return the bin of equal width of each score."""
    return np.minimum((score * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)


def _bin_starts(scores: Scores) -> npt.NDArray[np.intp]:
    """Return the position of the first score in each bin of equal width that has one."""
    bins = _bins_of(scores.score)
    return np.flatnonzero(np.diff(bins, prepend=-1))
