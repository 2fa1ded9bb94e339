"""The profiles of a column in baseline and window as JSON: a summary of each, and both over the same bins."""

import math

from ml.monitoring.distributions import category_counts, histograms
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile, value_count
from serving.monitoring.features.schemas import CategoriesView, HistogramView, SampleView


def sample_view(column: ColumnProfile | None) -> SampleView | None:
    """Summarise a column."""
    if column is None:
        return None
    numeric = column if isinstance(column, NumericProfile) else None
    return SampleView(
        rows=column.count,
        values=value_count(column),
        nulls=column.nulls,
        non_finite=None if numeric is None else numeric.non_finite,
        mean=None if numeric is None else _finite(numeric.mean),
        median=None if numeric is None else _finite(float(numeric.quantile(0.5))),
        std=None if numeric is None else _finite(numeric.std),
    )


def histogram_view(baseline: ColumnProfile | None, window: ColumnProfile | None) -> HistogramView | None:
    """Return both histograms of a column of numbers; without a window of numbers, that of the baseline."""
    if not isinstance(baseline, NumericProfile) or not baseline.finite:
        return None
    both = histograms(baseline, window if isinstance(window, NumericProfile) else None)
    return HistogramView(edges=list(both.edges), baseline=list(both.reference), window=list(both.current))


def categories_view(baseline: ColumnProfile | None, window: ColumnProfile | None) -> CategoriesView | None:
    """Return the counts of both by category; without a window of categories, those of the baseline."""
    if not isinstance(baseline, CategoricalProfile) or not baseline.non_null:
        return None
    current = window if isinstance(window, CategoricalProfile) else CategoricalProfile(0, 0, {})
    counts = category_counts(baseline, current)
    return CategoriesView(
        names=list(counts.names),
        baseline=list(counts.reference),
        window=list(counts.current),
        baseline_other=counts.reference_other,
        window_other=counts.current_other,
        unseen=counts.unseen,
        unseen_names=list(counts.unseen_names),
        unseen_counts=list(counts.unseen_counts),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
