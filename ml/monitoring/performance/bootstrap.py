"""Resamples of weighted cells and the intervals that they give, in bounded time.

Drawing and summing up belong here; metrics do not.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Metrics = Mapping[str, Floats]
RESAMPLES = 400
CONFIDENCE = 0.95
_CHUNK = 50


def resampled(counts: Floats, metrics: Callable[[Floats], Metrics], rng: np.random.Generator) -> dict[str, Floats]:
    """Metrics of `RESAMPLES` bootstrap samples of rows that are counted by cell.

    Drawing n rows with replacement draws multinomial counts of cells, so the time depends on the number of cells only.

    Parameters
    ----------
    counts : (k,) rows in each cell.
    metrics : takes (b, k) counts.
    rng : where the draws come from.
    """
    rows = int(counts.sum())
    parts = [
        metrics(rng.multinomial(rows, counts / counts.sum(), size=_CHUNK).astype(np.float64))
        for _ in range(RESAMPLES // _CHUNK)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def summary(
    values: Metrics, draws: Metrics | None, n: int, reasons: Mapping[str, str] | None = None
) -> dict[str, dict[str, object]]:
    """By metric: value, 95 % percentile interval of the draws (it always holds the value), n, and why a value is null."""
    found: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        number = float(value[0])
        if not math.isfinite(number):
            found[name] = missing((reasons or {}).get(name, "not defined on these rows"), n)
            continue
        low, high = _interval(draws[name]) if draws else (None, None)
        found[name] = {
            "value": number,
            "low": None if low is None else min(low, number),
            "high": None if high is None else max(high, number),
            "n": n,
            "reason": None,
        }
    return found


def missing(reason: str, n: int) -> dict[str, object]:
    """Entry of a metric that does not exist, and why."""
    return {"value": None, "low": None, "high": None, "n": n, "reason": reason}


def all_missing(names: Sequence[str], reason: str, n: int) -> dict[str, dict[str, object]]:
    """Entries of metrics that do not exist, for one reason."""
    return {name: missing(reason, n) for name in names}


def _interval(draws: Floats) -> tuple[float, float] | tuple[None, None]:
    """Percentiles of the draws where the metric exists; none where it rarely does."""
    finite = draws[np.isfinite(draws)]
    if finite.size < draws.size / 2:
        return None, None
    low, high = np.quantile(finite, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
