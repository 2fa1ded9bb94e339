"""How much estimates err by day beyond chance, measured on the days of a reference, and bands that contain it.

Measuring the days is in `ml.monitoring.performance.reference`.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ml.monitoring.performance.bootstrap import Floats, Metrics
from ml.monitoring.performance.day_comparison import MIN_REFERENCE_DAYS

_MIN_ROWS = 50
_AT_LEAST = {"r2": -math.inf}
_AT_MOST = dict.fromkeys(("log_loss", "mae", "rmse", "mape"), math.inf)


def day_variation(days: list[Mapping[str, Any]], metric: str) -> tuple[float, int]:
    r"""Return the standard deviation between days of an estimate's error, and the number of days it was measured on.

    With errors :math:`e_d` of the estimates of m days by the other days, and standard deviations :math:`s_d` of them that follow
    from the rows alone, it is by the method of moments [1]_

    .. math:: \tau^2 = \max\Bigl(0, \frac1m \sum_d e_d^2 - s_d^2\Bigr).

    It is 0 with fewer than 5 days of at least 50 rows.

    References
    ----------
    .. [1] DerSimonian, R. and Laird, N. (1986). Meta-analysis in clinical trials. Controlled Clinical Trials 7(3), 177-188.

    Examples
    --------
    >>> day = {"n": 900, "realised": {"accuracy": 0.7}, "estimated": {"accuracy": 0.8}, "deviations": {"accuracy": 0.06}}
    >>> day_variation([day] * 7, "accuracy")
    (0.08, 7)
    """
    usable = [day for day in days if day["n"] >= _MIN_ROWS]
    triples = [
        tuple(day.get(kind, {}).get(metric) for kind in ("estimated", "realised", "deviations")) for day in usable
    ]
    complete = [
        (expected - real, deviation) for expected, real, deviation in triples if None not in (expected, real, deviation)
    ]
    if len(complete) < MIN_REFERENCE_DAYS:
        return 0.0, len(complete)
    errors, deviations = np.array(complete).T
    return round(math.sqrt(max(0.0, np.mean(errors**2 - deviations**2))), 12), len(complete)


def vary_by_day(draws: Metrics, reference: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Floats]:
    """Add the variation between days to draws of metrics, as Student's t of the days it was measured on.

    Parameters
    ----------
    draws : by metric, as far as rows and calibrator determine them.
    reference : from `ml.monitoring.performance.reference.reference_of`, with its `days`; without them, nothing is added.
    """
    varied: dict[str, Floats] = {}
    for name, values in draws.items():
        deviation, days = day_variation(reference.get("days", []), name)
        varied[name] = values
        if deviation:
            shifts = deviation * rng.standard_t(days - 1, size=values.shape)
            varied[name] = np.clip(values + shifts, _AT_LEAST.get(name, 0.0), _AT_MOST.get(name, 1.0))
    return varied
