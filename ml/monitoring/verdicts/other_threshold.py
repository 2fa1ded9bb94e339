"""Verdicts under another drift threshold, from stored effects and p-values: nothing is computed again.

Deciding verdicts from data is `judge`.
"""

from collections.abc import Mapping
from typing import Any


def is_drift_at(verdict: Mapping[str, Any], method: str, threshold: float, alpha: float) -> bool:
    """Return whether a stored verdict on a column would be drift with another drift threshold of a method.

    A verdict that another method has decided stays as it is.

    Parameters
    ----------
    verdict : a column of a stored report, as of `ml.monitoring.verdicts.report.DriftReport.to_dict`.
    alpha : largest adjusted p-value that is significant.

    Examples
    --------
    >>> verdict = {"state": "warning", "method": "psi", "effect": 0.17, "adjusted_p_value": 0.001}
    >>> is_drift_at(verdict, "psi", 0.2, 0.005), is_drift_at(verdict, "psi", 0.15, 0.005)
    (False, True)
    >>> is_drift_at(verdict, "hellinger", 0.15, 0.005)
    False
    >>> is_drift_at({**verdict, "adjusted_p_value": 0.4}, "psi", 0.15, 0.005)
    False
    """
    if verdict["method"] != method or verdict["effect"] is None or verdict["adjusted_p_value"] is None:
        return bool(verdict["state"] == "drift")
    return bool(verdict["adjusted_p_value"] <= alpha and verdict["effect"] >= threshold)
