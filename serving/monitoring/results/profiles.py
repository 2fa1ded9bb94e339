"""Profiles as JSON: a summary of each column, and its whole distribution on request."""

import math
from typing import Any

from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import TableProfile
from serving.monitoring.results.naming import by_feature

_QUANTILES = {"p01": 0.01, "p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
_CATEGORIES_SHOWN = 20


def profile_columns(
    profile: bytes, *, detail: bool
) -> tuple[int, dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Decode a stored profile; return its rows, the columns of the event's own fields, and those of features.

    Parameters
    ----------
    detail : whether to include the cumulative counts at all knots, and all categories of the profile.
    """
    table = TableProfile.from_bytes(profile)
    columns = {
        name: _numeric(column, detail=detail)
        if isinstance(column, NumericProfile)
        else _categorical(column, detail=detail)
        for name, column in table.columns.items()
    }
    return table.rows, *by_feature(columns)


def _numeric(column: NumericProfile, *, detail: bool) -> dict[str, Any]:
    quantiles = column.quantile(list(_QUANTILES.values())).tolist()
    summary: dict[str, Any] = {
        "kind": "numeric",
        "count": column.count,
        "nulls": column.nulls,
        "non_finite": column.non_finite,
        "mean": _finite(column.mean),
        "std": _finite(column.std),
        "min": _finite(column.minimum),
        "max": _finite(column.maximum),
        "quantiles": {name: _finite(value) for name, value in zip(_QUANTILES, quantiles, strict=True)},
        "rank_error": column.rank_error,
    }
    if detail:
        summary["knots"] = column.knots.tolist()
        summary["below"] = column.below.tolist()
        summary["upto"] = column.upto.tolist()
    return summary


def _categorical(column: CategoricalProfile, *, detail: bool) -> dict[str, Any]:
    counts = list(column.counts.items())
    shown = counts if detail else counts[:_CATEGORIES_SHOWN]
    return {
        "kind": "categorical",
        "count": column.count,
        "nulls": column.nulls,
        "categories": [{"value": value, "count": count} for value, count in shown],
        "other": column.non_null - sum(count for _, count in shown),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
