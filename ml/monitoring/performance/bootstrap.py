"""Bootstrap resamples of rows counted by cell, and their percentile intervals, in bounded time.

Resampling and summaries belong here; metrics do not.
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


def resample(counts: Floats, metrics: Callable[[Floats], Metrics], rng: np.random.Generator) -> dict[str, Floats]:
    """Compute metrics of `RESAMPLES` bootstrap samples of rows counted by cell.

    Drawing n rows with replacement means drawing multinomial counts of cells, so the time depends only on the number of cells.

    Parameters
    ----------
    counts : (k,) rows in each cell.
    metrics : computes metrics of (b, k) counts.
    rng : source of the draws.
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
    """Return by metric the value, the 95 % percentile interval of the draws (extended to contain the value), n, and the reason of a null."""
    entries: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        number = float(value[0])
        if not math.isfinite(number):
            entries[name] = missing((reasons or {}).get(name, "not defined on these rows"), n)
            continue
        low, high = _interval(draws[name]) if draws else (None, None)
        entries[name] = {
            "value": number,
            "low": None if low is None else min(low, number),
            "high": None if high is None else max(high, number),
            "n": n,
            "reason": None,
        }
    return entries


def missing(reason: str, n: int) -> dict[str, object]:
    """Return the entry of a metric without a value, with the reason."""
    return {"value": None, "low": None, "high": None, "n": n, "reason": reason}


def all_missing(names: Sequence[str], reason: str, n: int) -> dict[str, dict[str, object]]:
    """Return the entries of metrics without values, with one reason."""
    return {name: missing(reason, n) for name in names}


def _interval(draws: Floats) -> tuple[float, float] | tuple[None, None]:
    """Return percentiles of the finite draws; None if fewer than half are finite."""
    finite = draws[np.isfinite(draws)]
    if finite.size < draws.size / 2:
        return None, None
    low, high = np.quantile(finite, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
