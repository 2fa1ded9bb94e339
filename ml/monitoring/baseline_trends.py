"""Trends inside a baseline: columns whose values rise or fall over its days, so that later days are likely to lie outside.

How days differ from each other without order is in `verdicts.between_days`.
"""

import math
from collections.abc import Iterable
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from guard_core.columns import feature_name
from guard_core.formats import listed
from guard_core.project_settings.drift import DriftSettings
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.between_days import WEEK, BaselineDays, ColumnDays
from ml.monitoring.verdicts.day_scores import cells_of, scale_of
from ml.monitoring.verdicts.false_discovery import adjusted_p_values

MINIMUM_DAYS: Final = 14
LEVEL: Final = 0.01
MINIMUM_CHANGE: Final = 0.5
_AUTOCORRELATION: Final = (0.3, 0.9)
_MOST_NAMES: Final = 4

Floats = NDArray[np.float64]


def baseline_trends(
    baseline: BaselineDays, reference: TableProfile, settings: DriftSettings | None = None
) -> dict[str, float]:
    """Return the columns of a baseline that have a trend, each with its change from the first third of the days to the last.

    The change is that of the first score of `day_scores` in standard deviations of the values. A column has a trend if the change
    is at least one half and Kendall's τ of score and day is significant at 1 % among all columns (Benjamini-Hochberg). Only
    columns with a design effect can have one: the days of the others differ by no more than chance.

    Parameters
    ----------
    reference : the profile of the baseline.
    settings : default settings if None.

    Examples
    --------
    >>> from ml.monitoring.profiles.numeric import NumericProfile
    >>> rising = ColumnDays([[n / 28] for n in range(28)], [n % 7 for n in range(28)], 1.0)
    >>> reference = TableProfile(28, {"feature_t": NumericProfile.from_values(np.arange(28.0))})
    >>> {name: round(change, 1) for name, change in baseline_trends(BaselineDays({}, {"feature_t": rising}), reference).items()}
    {'feature_t': 2.4}
    """
    settings = settings or DriftSettings()
    names = [name for name in reference.columns if settings.judges(name)]
    days = {name: baseline.columns[name] for name in names if name in baseline.columns}
    tested = {name: column for name, column in days.items() if len(column.scores) >= MINIMUM_DAYS}
    p_values = [trend_p_value(tested[name]) if name in tested else 1.0 for name in names]
    trends = {}
    for name, p_value in zip(names, adjusted_p_values(p_values), strict=True):
        if p_value <= LEVEL:
            deviation = float(scale_of(reference.columns[name], cells_of(settings, name)).deviations[0])
            change = _change(tested[name]) / deviation
            if abs(change) >= MINIMUM_CHANGE:
                trends[name] = change
    return trends


def trend_p_value(column: ColumnDays) -> float:
    """Test by Kendall's τ whether the first score of the days rises or falls [1]_.

    Neighbouring days resemble each other, which τ alone mistakes for a trend. The scores are prewhitened,
    zₜ - r zₜ₋₁ [2]_: r is the autocorrelation of the residuals of a linear trend (beside weekday means, where there are
    enough days), corrected for the bias of short series, (n r + 2) / (n - 4), and at least 0.3, because a short series can
    hide it.

    References
    ----------
    .. [1] M. Kendall, "A new measure of rank correlation", Biometrika 30, 1938.
    .. [2] H. von Storch, "Misuses of statistical analysis in climate research", in "Analysis of Climate Variability", Springer,
       1995; trend-free estimate: S. Yue et al., Hydrological Processes 16, 2002; bias: K. Hamed, J. Hydrology 368, 2009.

    Examples
    --------
    >>> wave = ColumnDays([[n % 7 / 10] for n in range(28)], [n % 7 for n in range(28)], 1.0)
    >>> trend_p_value(wave)
    1.0
    """
    scores = np.asarray(column.scores, np.float64)[:, 0]
    n = scores.size
    days = np.arange(n) - (n - 1) / 2
    means = np.eye(WEEK)[np.asarray(column.weekdays)] if column.has_weekdays else np.ones((n, 1))
    design = np.column_stack([means, days])
    fitted, *_ = np.linalg.lstsq(design, scores, rcond=None)
    residuals = scores - design @ fitted
    whole, slope = float(residuals @ residuals), float(fitted[-1])
    if math.isclose(whole + slope**2, 0.0, abs_tol=1e-18):
        return 1.0
    correlation = float(residuals[1:] @ residuals[:-1]) / whole if whole > 0 else 0.0
    correlation = float(np.clip((n * correlation + 2) / (n - 4), *_AUTOCORRELATION))
    without_weekdays = residuals + slope * days
    whitened = without_weekdays[1:] - correlation * without_weekdays[:-1]
    return float(kendalltau(days[1:], whitened).pvalue)


def describe_trends(columns: Iterable[str], start_day: str, end_day: str) -> str:
    """Return a sentence about the columns that have a trend; empty without any.

    Examples
    --------
    >>> describe_trends(["feature_temp"], "2013-03-01", "2013-03-28")
    "temp changed steadily over the baseline's 28 days: choose a window without a trend, or expect drift"
    """
    names = [feature_name(column) for column in columns]
    if not names:
        return ""
    days = (date.fromisoformat(end_day) - date.fromisoformat(start_day)).days + 1
    return f"{listed(names, _MOST_NAMES)} changed steadily over the baseline's {days} days: choose a window without a trend, or expect drift"


def _change(column: ColumnDays) -> float:
    """Return by how much the mean score of the last third of the days exceeds that of the first third."""
    scores = np.asarray(column.scores, np.float64)[:, 0]
    third = scores.size // 3
    return float(scores[-third:].mean() - scores[:third].mean())
