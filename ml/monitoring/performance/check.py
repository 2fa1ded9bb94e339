"""The error of an estimate of performance, once labels have arrived.

The comparison belongs here; estimating and measuring do not.
"""

from collections.abc import Mapping


def check_estimate(estimated: Mapping[str, object], realised: Mapping[str, object]) -> dict[str, object]:
    """Return the error of an estimate, for each metric that has both values.

    Parameters
    ----------
    estimated, realised : from the functions of these names.

    Returns
    -------
    `n` (labelled rows) and `metrics`: by name `estimated`, `realised`, `error` (estimated - realised) and `within_band`
    (whether the estimate's band contains the realised value; null without a band).

    Examples
    --------
    >>> estimate = {"n": 9, "metrics": {"mae": {"value": 2.0, "low": 1.5, "high": 2.5}}}
    >>> check_estimate(estimate, {"n": 9, "metrics": {"mae": {"value": 1.0}}})["metrics"]["mae"]
    {'estimated': 2.0, 'realised': 1.0, 'error': 1.0, 'within_band': False}
    """
    expected, observed = _metrics(estimated), _metrics(realised)
    comparisons: dict[str, object] = {}
    for name, entry in expected.items():
        value, real = entry["value"], observed.get(name, {}).get("value")
        if value is None or real is None:
            continue
        low, high = entry["low"], entry["high"]
        within = None if low is None or high is None else low <= real <= high
        comparisons[name] = {"estimated": value, "realised": real, "error": value - real, "within_band": within}
    return {"n": realised["n"], "metrics": comparisons}


def _metrics(result: Mapping[str, object]) -> Mapping[str, Mapping[str, float | None]]:
    metrics = result["metrics"]
    if not isinstance(metrics, Mapping):
        raise TypeError("metrics must be a mapping by name")
    return metrics
