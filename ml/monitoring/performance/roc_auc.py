"""Area under the ROC curve of weighted rows.

Only ranking belongs here; metrics that need a probability are in `scores.py`.
"""

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]


def roc_auc(positive: npt.NDArray[np.bool_], score: Floats, weights: Floats) -> Floats:
    r"""Return the area under the ROC curve under many weightings of the same rows.

    The probability that a positive row has the higher score than a negative one, which is the Mann-Whitney statistic
    over the number of pairs; with weights w of n rows,

    .. math:: \frac{\sum_{i \in P} \sum_{j \in N} w_i w_j \, [s_i > s_j] + \frac12 w_i w_j \, [s_i = s_j]}
                   {\sum_{i \in P} w_i \; \sum_{j \in N} w_j}

    Parameters
    ----------
    positive : (n,) whether a row is of the positive class.
    score : (n,) higher means more likely positive; finite.
    weights : (b, n) weights of the rows, at least 0: counts of a resample, or ones.

    Returns
    -------
    (b,) values between 0 and 1; ties count half. NaN where one of the classes has no weight.

    References
    ----------
    Hanley, J. A. and McNeil, B. J. (1982). The meaning and use of the area under a receiver operating characteristic
    (ROC) curve. Radiology 143(1), 29-36.

    Examples
    --------
    >>> positive, score = np.array([False, False, True, True]), np.array([0.1, 0.4, 0.4, 0.8])
    >>> roc_auc(positive, score, np.array([[1.0, 1, 1, 1], [1, 1, 0, 1], [1, 1, 0, 0]]))
    array([0.875, 1.   ,   nan])
    """
    if not len(score):
        return np.full(len(weights), np.nan)
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=np.nan) != 0)
    weight = weights[:, order]
    return roc_auc_of_groups(
        np.add.reduceat(weight * positive[order], starts, axis=1),
        np.add.reduceat(weight * ~positive[order], starts, axis=1),
    )


def roc_auc_of_groups(positive: Floats, negative: Floats) -> Floats:
    """Return the area under the ROC curve of rows that are already counted by their score.

    Parameters
    ----------
    positive, negative : (b, k) weight of the positive and of the negative rows with each of k ascending distinct scores.

    Returns
    -------
    (b,) as of `roc_auc`.
    """
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    area = np.full(len(pairs), np.nan)
    np.divide((positive * below).sum(axis=1), pairs, out=area, where=pairs > 0)
    return area


def placement_values(positive: npt.NDArray[np.bool_], score: Floats) -> Floats:
    r"""Return the part of each row in the area under the ROC curve: the share of rows of the other class that it is ordered rightly with.

    For a positive row, :math:`V_i = \frac1n \sum_{j \in N} [s_i > s_j] + \frac12 [s_i = s_j]`, and likewise for a negative one [1]_.

    Parameters
    ----------
    positive : (n,) whether a row is of the positive class. score : (n,) higher means more likely positive; finite.

    Returns
    -------
    (n,) values between 0 and 1, whose mean over either class is the area; NaN if one of the classes has no row.

    References
    ----------
    .. [1] DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. (1988). Comparing the areas under two or more correlated receiver
       operating characteristic curves: a nonparametric approach. Biometrics 44(3), 837-845.

    Examples
    --------
    >>> placement_values(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.4, 0.8]))
    array([1.  , 0.75, 0.75, 1.  ])
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return np.full(len(positive), np.nan)
    rank = rankdata(score)
    values = np.empty(len(positive))
    values[positive] = (rank[positive] - rankdata(score[positive])) / negatives
    values[~positive] = 1 - (rank[~positive] - rankdata(score[~positive])) / positives
    return values
