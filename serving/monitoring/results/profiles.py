"""Profiles as JSON: a summary of each column, and its whole distribution where it is asked for."""

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
    """Rows, the event's own fields and the features of stored profile bytes.

    Parameters
    ----------
    detail : the cumulative counts at all knots, and all kept categories.
    """
    table = TableProfile.from_bytes(profile)
    shown = {
        name: _numeric(column, detail=detail)
        if isinstance(column, NumericProfile)
        else _categorical(column, detail=detail)
        for name, column in table.columns.items()
    }
    return table.rows, *by_feature(shown)


def _numeric(column: NumericProfile, *, detail: bool) -> dict[str, Any]:
    quantiles = column.quantile(list(_QUANTILES.values())).tolist()
    shown: dict[str, Any] = {
        "kind": "numeric",
        "count": column.count,
        "nulls": column.nulls,
        "non_finite": column.non_finite,
        "mean": _known(column.mean),
        "std": _known(column.std),
        "min": _known(column.minimum),
        "max": _known(column.maximum),
        "quantiles": {name: _known(value) for name, value in zip(_QUANTILES, quantiles, strict=True)},
        "rank_error": column.rank_error,
    }
    if detail:
        shown["knots"] = column.knots.tolist()
        shown["below"] = column.below.tolist()
        shown["upto"] = column.upto.tolist()
    return shown


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


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
