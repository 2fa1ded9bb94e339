"""The honest check: an estimate against the labels that came later.

Comparing belongs here; estimating and measuring do not.
"""

from collections.abc import Mapping


def estimate_check(estimated: Mapping[str, object], realised: Mapping[str, object]) -> dict[str, object]:
    """Error of an estimate, by metric that both have.

    Parameters
    ----------
    estimated, realised : from the functions of these names.

    Returns
    -------
    `n` (labelled rows) and `metrics`: by name `estimated`, `realised`, `error` (estimated - realised) and `within_band`
    (whether the estimate's band holds the realised value; null without a band).

    Examples
    --------
    >>> one = {"n": 9, "metrics": {"mae": {"value": 2.0, "low": 1.5, "high": 2.5}}}
    >>> estimate_check(one, {"n": 9, "metrics": {"mae": {"value": 1.0}}})["metrics"]["mae"]
    {'estimated': 2.0, 'realised': 1.0, 'error': 1.0, 'within_band': False}
    """
    expected, found = _metrics(estimated), _metrics(realised)
    scored: dict[str, object] = {}
    for name, entry in expected.items():
        value, real = entry["value"], found.get(name, {}).get("value")
        if value is None or real is None:
            continue
        low, high = entry["low"], entry["high"]
        within = None if low is None or high is None else low <= real <= high
        scored[name] = {"estimated": value, "realised": real, "error": value - real, "within_band": within}
    return {"n": realised["n"], "metrics": scored}


def _metrics(result: Mapping[str, object]) -> Mapping[str, Mapping[str, float | None]]:
    metrics = result["metrics"]
    if not isinstance(metrics, Mapping):
        raise TypeError("metrics must be a mapping by name")
    return metrics
