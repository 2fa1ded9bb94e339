"""Benjamini and Hochberg's adjustment of the p-values of many columns.

Computing p-values does not belong here; see `evidence.py`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def adjusted_p_values(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return Benjamini-Hochberg adjusted p-values: q₍ᵢ₎ = min over j >= i of p₍ⱼ₎ K / j [1]_.

    Rejecting if q <= alpha keeps the expected share of false rejections at alpha; if nothing has changed in any column, that is
    the probability of any rejection. Columns may be positively dependent, as features usually are.

    Parameters
    ----------
    p_values : (K,) from 0 to 1, in any order.

    Returns
    -------
    (K,) adjusted p-values in the same order.

    References
    ----------
    .. [1] Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", J. R. Stat. Soc. B 57, 1995.

    Examples
    --------
    >>> adjusted_p_values([0.01, 0.5, 0.02]).round(3).tolist()
    [0.03, 0.5, 0.03]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
