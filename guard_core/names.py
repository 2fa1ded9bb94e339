"""What metrics and statistics are called by people; everywhere else they go by the names that programs use."""

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
}


def name_of(measure: str) -> str:
    """The usual name of a metric or statistic.

    >>> name_of("roc_auc"), name_of("log_loss")
    ('ROC AUC', 'log loss')
    """
    return _NAMES.get(measure, measure.replace("_", " "))
