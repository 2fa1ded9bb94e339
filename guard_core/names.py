"""Display names of metrics and statistics, for messages to people; code and API use their identifiers.

Descriptions of kinds of alerts are `guard_core.alerting.words`.
"""

from collections.abc import Mapping
from typing import Final

_NAMES: Final[Mapping[str, str]] = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "brier": "Brier score",
    "f1": "F1 score",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
    "mape": "MAPE",
    "psi": "PSI",
    "kolmogorov_smirnov": "Kolmogorov-Smirnov distance",
    "wasserstein": "Wasserstein distance",
    "jensen_shannon": "Jensen-Shannon distance",
    "hellinger": "Hellinger distance",
    "chi_square": "Cramér's V",
    "l_infinity": "L-infinity distance",
    "unseen_share": "share of unseen values",
}


def display_name(measure: str) -> str:
    """Return the display name of a metric or statistic.

    >>> display_name("roc_auc"), display_name("log_loss")
    ('ROC AUC', 'log loss')
    """
    return _NAMES.get(measure, measure.replace("_", " "))


_STATISTICS: Final[Mapping[str, str]] = {
    "chi_square": "χ²",
    "chi_square_p_value": "p of χ²",
    "cramers_v": "Cramér's V",
    "kolmogorov_smirnov_p_value": "p of Kolmogorov-Smirnov",
    "wasserstein_normalised": "Wasserstein in standard deviations",
    "wasserstein_trimmed": "trimmed Wasserstein in standard deviations",
}


def statistic_name(statistic: str) -> str:
    """Return the display name of an entry of a verdict's statistics, where `chi_square` is χ² itself and no effect.

    >>> statistic_name("chi_square"), statistic_name("psi")
    ('χ²', 'PSI')
    """
    return _STATISTICS.get(statistic) or display_name(statistic)
