"""p-values of the counts of two samples by cell, valid for small and sparse samples too.

Not here: the p-value of D is in `ml.monitoring.distances.kolmogorov_smirnov`, that of χ² without pooling in
`ml.monitoring.distances.chi_square`, the null distribution of the Wasserstein distance in `null_distribution.py`, and the adjustment for many
columns in `false_discovery.py`.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, ndtr

MINIMUM_EXPECTED = (
    5.0  # expected rows of a cell in the smaller sample, Cochran's rule, so that χ² holds far out in the tail
)
UNSEEN_SHARE_OF_ALPHA = 0.1
_TILTS = np.geomspace(0.01, 40.0, 20)[:, np.newaxis]

Counts = NDArray[np.float64]


def homogeneity_p_value(reference: Counts, current: Counts, *, quantile_bins: bool = False) -> float:
    """Test by Pearson's X² whether both samples have the same distribution, with sparse neighbouring cells pooled.

    PSI, Jensen-Shannon, Hellinger and χ² agree to second order: (1/n + 1/m)⁻¹ times PSI, 8 JS² (nats) or 8 H² tends to the
    same χ²(B - 1) as Pearson's X² [1]_. X² is the closest to that distribution at small n (bench/studies/drift.py shows by
    how much the others differ), so it is the test for all of them. Pooling depends only on the rows of both samples together:
    given these, the samples are exchangeable under the null hypothesis, so the choice does not bias the test. Bins at
    quantiles of the reference are the exception: there the reference's rows are fixed, the sum would reveal the current
    ones, and pooling depends on the reference alone.

    Parameters
    ----------
    reference, current : (k,) rows by cell; neighbours may be pooled. Both sides have rows.
    quantile_bins : whether the cells are bins at the reference's quantiles.

    Returns
    -------
    p-value; 1 if fewer than two cells remain.

    References
    ----------
    .. [1] T. Read and N. Cressie, "Goodness-of-Fit Statistics for Discrete Multivariate Data", Springer, 1988; the rule of
       five: W. Cochran, "Some methods for strengthening the common χ² tests", Biometrics 10, 1954.

    Examples
    --------
    >>> p = homogeneity_p_value(np.array([500.0, 300.0, 200.0, 0.0]), np.array([400.0, 300.0, 200.0, 100.0]))
    >>> f"{p:.4e}"
    '6.3271e-24'
    """
    m, n = float(reference.sum()), float(current.sum())
    sizes = reference * ((n + m) / m) if quantile_bins else reference + current
    first, second = pool_cells(reference, current, sizes, MINIMUM_EXPECTED * (n + m) / min(n, m))
    freedom = first.size - 1
    if freedom < 1:
        return 1.0
    statistic = n * m * float(np.square(first / m - second / n) @ (1 / (first + second)))
    return float(gammaincc(freedom / 2, statistic / 2))


def pool_cells(reference: Counts, current: Counts, sizes: Counts, minimum_size: float) -> tuple[Counts, Counts]:
    """Pool cells to a minimum size: large ones stay as they are, runs of small ones are summed.

    Small cells keep their order and are summed until they reach the minimum; the remainder joins the last such sum, or else the
    smallest large cell.

    Parameters
    ----------
    sizes : (k,) the size of each cell, which is compared with the minimum.

    Examples
    --------
    >>> first, second = np.array([9.0, 1, 2, 8, 1]), np.array([9.0, 2, 1, 8, 0])
    >>> [side.tolist() for side in pool_cells(first, second, first + second, minimum_size=6)]
    [[9.0, 8.0, 4.0], [9.0, 8.0, 3.0]]
    """
    large = sizes >= minimum_size
    if large.all():
        return reference, current
    small = ~large & (reference + current > 0)
    first, second = reference[large], current[large]
    small_first, small_second = reference[small], current[small]
    ends = _pool_ends(np.cumsum(sizes[small]), minimum_size)
    if ends:
        starts = [0, *ends[:-1]]
        first = np.append(first, np.add.reduceat(small_first, starts))
        second = np.append(second, np.add.reduceat(small_second, starts))
    elif small_first.size:
        if not first.size:
            return small_first.sum(keepdims=True), small_second.sum(keepdims=True)
        smallest = int(np.argmin(sizes[large]))
        first[smallest] += small_first.sum()
        second[smallest] += small_second.sum()
    return first, second


def _pool_ends(cumulative: Counts, minimum_size: float) -> list[int]:
    """Return where each pool ends; the last one includes the remainder."""
    ends: list[int] = []
    reached = 0.0
    while (index := int(np.searchsorted(cumulative, reached + minimum_size))) < cumulative.size:
        ends.append(index + 1)
        reached = float(cumulative[index])
    if ends:
        ends[-1] = cumulative.size
    return ends


def unseen_p_value(reference: Counts, current: Counts) -> float:
    """Bound the probability that so many current rows are in cells without reference rows, if nothing has changed.

    Given the t rows of a cell in both samples, all of them are current with probability at most (n/(n + m))ᵗ. Cells are
    negatively associated, so the sum of the unseen rows obeys Chernoff's bound for independent terms [1]_. The bound is valid
    both for identifiers with a thousand values of one row each and for one new category, however rare.

    Parameters
    ----------
    reference, current : (k,) rows by category.

    References
    ----------
    .. [1] H. Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis based on the sum of observations",
       Ann. Math. Stat. 23, 1952; negative association: D. Dubhashi and D. Ranjan, Random Struct. Alg. 13, 1998.

    Examples
    --------
    >>> unseen_p_value(np.array([500.0, 0.0]), np.array([90.0, 10.0])) < 1e-7
    True
    """
    unseen = float(current[reference == 0].sum())
    if unseen == 0:
        return 1.0
    m, n = float(reference.sum()), float(current.sum())
    rows, cells = np.unique((reference + current)[reference + current > 0], return_counts=True)
    log_chance = rows * np.log(n / (n + m))
    # A cell with more rows than the sum exceeds it alone if it is unseen: the union bound is enough there.
    larger = rows > unseen
    union = float(np.exp(log_chance[larger]) @ cells[larger])
    rows, cells, log_chance = rows[~larger], cells[~larger], log_chance[~larger]
    log_moments = np.logaddexp(np.log1p(-np.exp(log_chance)), log_chance + _TILTS * rows) @ cells
    chernoff = float(np.exp(min(float((log_moments - _TILTS[:, 0] * unseen).min()), 0.0)))
    return min(union + chernoff, 1.0)


def combined_p_value(homogeneity: float, unseen: float) -> float:
    """Combine two tests of one column by Bonferroni, with weights of nine tenths and one tenth.

    Examples
    --------
    >>> combined_p_value(0.09, 1.0), combined_p_value(1.0, 0.001)
    (0.09999999999999999, 0.01)
    """
    return min(homogeneity / (1 - UNSEEN_SHARE_OF_ALPHA), unseen / UNSEEN_SHARE_OF_ALPHA, 1.0)


def outside_p_value(below: float, above: float, n: float, m: float, design_effect: float) -> float:
    """Bound the probability that so many current rows are below or above all of the reference, if nothing has changed.

    The t smallest of all rows are current with probability at most (n/(n + m))ᵗ, and so are the t largest.

    Parameters
    ----------
    below, above : current rows below the smallest and above the largest value of the reference.
    n, m : rows of the current sample and of the reference.
    design_effect : rows that are worth one independent row.

    Examples
    --------
    >>> outside_p_value(0, 4, n=100, m=300, design_effect=1.0)
    0.0078125
    """
    chance = n / (n + m)
    return float(min(2 * chance ** (max(below, above) / design_effect), 1.0))


def l_infinity_p_value(distance: float, reference: Counts, current: Counts) -> float:
    """Bound the probability that any share changes by at least the distance, by the sum over cells.

    A cell's tail is normal with Bernstein's correction [1]_, z² = d²/(σ² + d b/3), where σ² = π(1 - π)(1/n + 1/m), π the share
    in both samples together and b = max(1/n, 1/m): rare cells are skewed, and with a plain normal tail false alarms would be too frequent.

    References
    ----------
    .. [1] S. Bernstein, "Theory of Probability" (in Russian), Moscow, 1927.

    Examples
    --------
    >>> round(l_infinity_p_value(0.1, np.array([500.0, 500.0]), np.array([120.0, 80.0])), 3)
    0.029
    """
    if distance == 0:
        return 1.0
    m, n = float(reference.sum()), float(current.sum())
    share = (reference + current) / (n + m)
    variance = share * (1 - share) * (1 / n + 1 / m)
    z = distance / np.sqrt(variance + distance * max(1 / n, 1 / m) / 3)
    return min(float((2 * ndtr(-z))[share > 0].sum()), 1.0)
