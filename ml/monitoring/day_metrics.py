"""The metrics of one day that people read, computed from its profile.

Choosing and naming the metrics belongs here; building profiles and reading rows do not.
"""

import math
from collections.abc import Mapping

from guard_core.columns import FEATURE_PREFIX, feature_name
from ml.monitoring.performance.labels import label_key
from ml.monitoring.performance.tasks import positive_of_pair
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile, TableProfile, value_count

TOP_CATEGORIES = 20
_QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def day_metrics(profile: TableProfile) -> dict[str, object]:
    """Return the metrics of one day (or one slice of it) for JSON; a value that does not exist is null, never NaN or 0.

    Parameters
    ----------
    profile : of the lake's columns: `latency_ms`, `y_pred`, `y_proba`, `y_true` and `feature_<name>`.

    Returns
    -------
    `count` (rows); `latency` (milliseconds: mean, p50, p95, p99, min, max); `prediction` (of class labels: the shares of the
    20 most frequent and of the others, and `rate`, the positive label's share where the labels are binary; of numbers:
    mean, std, quantiles); `probability` (mean, std, p50); `labels` (of `y_true`: as `prediction`, with `labelled` rows
    and their share, `coverage`); `features` by name without the prefix. A column that the
    profile does not have is null.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> from ml.monitoring.profiles.build import profile_table
    >>> table = pa.table({"latency_ms": [10.0, 30.0], "y_pred": ["1", "0"], "feature_x": [1.0, None]})
    >>> metrics = day_metrics(profile_table(table, {"y_pred": "categorical", "feature_x": "numeric"})["", ""])
    >>> metrics["count"], metrics["latency"]["p50"], metrics["prediction"]["rate"], metrics["features"]["x"]["std"]
    (2, 20.0, 0.5, None)
    """
    columns = profile.columns
    features = {
        feature_name(name): _feature(column) for name, column in columns.items() if name.startswith(FEATURE_PREFIX)
    }
    return {
        "count": profile.rows,
        "latency": _latency(columns.get("latency_ms")),
        "prediction": _prediction(columns.get("y_pred")),
        "probability": _probability(columns.get("y_proba")),
        "labels": _labels(columns.get("y_true"), profile.rows),
        "features": features,
    }


def _latency(column: ColumnProfile | None) -> dict[str, object] | None:
    if not isinstance(column, NumericProfile):
        return None
    return {
        "mean": _finite(column.mean),
        **_quantiles(column, {"p50": 0.5, "p95": 0.95, "p99": 0.99}),
        "min": _finite(column.minimum),
        "max": _finite(column.maximum),
    }


def _prediction(column: ColumnProfile | None) -> dict[str, object] | None:
    if column is None:
        return None
    if isinstance(column, NumericProfile):
        return {"kind": "numeric", **_numbers(column)}
    return {
        "kind": "categorical",
        "count": column.count,
        "nulls": column.nulls,
        "classes": {label: _finite(column.share(label)) for label in list(column.counts)[:TOP_CATEGORIES]},
        "other": _finite(_outside_top(column) / column.non_null) if column.non_null else None,
        "rate": _rate(column),
    }


def _labels(column: ColumnProfile | None, rows: int) -> dict[str, object] | None:
    distribution = _prediction(column)
    if column is None or distribution is None:
        return None
    labelled = value_count(column)
    return {**distribution, "labelled": labelled, "coverage": labelled / rows if rows else None}


def _rate(column: CategoricalProfile) -> float | None:
    """Return the share of the positive label, in all its spellings, where the labels are of a known pair."""
    keys = {spelling: str(label_key(spelling)) for spelling in column.counts}
    positive = None if column.other else positive_of_pair(set(keys.values()))
    if positive is None:
        return None
    return _finite(sum(column.share(spelling) for spelling, key in keys.items() if key == positive))


def _probability(column: ColumnProfile | None) -> dict[str, object] | None:
    if not isinstance(column, NumericProfile):
        return None
    return {"mean": _finite(column.mean), "std": _finite(column.std), **_quantiles(column, {"p50": 0.5})}


def _feature(column: ColumnProfile) -> dict[str, object]:
    if isinstance(column, NumericProfile):
        return {"kind": "numeric", **_numbers(column)}
    top = list(column.counts.items())[:TOP_CATEGORIES]
    return {
        "kind": "categorical",
        "count": column.count,
        "nulls": column.nulls,
        "distinct": len(column.counts),
        "top": [{"value": value, "count": count, "share": _finite(column.share(value))} for value, count in top],
        "other": _outside_top(column),
    }


def _numbers(column: NumericProfile) -> dict[str, object]:
    return {
        "count": column.count,
        "nulls": column.nulls,
        "non_finite": column.non_finite,
        "mean": _finite(column.mean),
        "std": _finite(column.std),
        "min": _finite(column.minimum),
        **_quantiles(column, _QUANTILES),
        "max": _finite(column.maximum),
    }


def _quantiles(column: NumericProfile, shares: Mapping[str, float]) -> dict[str, float | None]:
    values = column.quantile(list(shares.values())).tolist()
    return {name: _finite(value) for name, value in zip(shares, values, strict=True)}


def _outside_top(column: CategoricalProfile) -> int:
    """Return the number of rows whose value is not among the listed top ones."""
    return column.other + sum(list(column.counts.values())[TOP_CATEGORIES:])


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
