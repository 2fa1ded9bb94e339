"""Words that several messages share: descriptions of kinds of alerts, of their ends, and counted nouns.

Whole messages are `texts`; names of metrics are `guard_core.names`.
"""

from collections.abc import Mapping
from typing import Any, Final

from guard_core.names import display_name

_KINDS: Final[Mapping[str, str]] = {
    "drift": "drift",
    "performance": "performance",
    "latency": "latency",
    "volume": "volume",
    "error_rate": "rejected events",
    "data_quality": "data quality",
    "cost": "costs",
    "budget": "soft budget passed",
    "budget_refused": "budget spent",
    "retrain_recommended": "retraining recommended",
    "retrain_started": "retraining started",
    "retrain_promoted": "new champion",
    "retrain_rejected": "challenger not promoted",
    "retrain_rolled_back": "champion rolled back",
    "retrain_failed": "retraining failed",
    "retrain_dismissed": "retraining dismissed",
    "pipeline_failure": "pipeline failure",
    "missing_data": "no events",
}
_ENDS: Final[Mapping[str, str]] = {
    "budget": "budget reset",
    "budget_refused": "budget reset",
    "retrain_failed": "retraining completed after a failure",
    "missing_data": "events arrive again",
}


def describe_kind(kind: str) -> str:
    """Describe a kind of alert in words."""
    return _KINDS.get(kind, kind)


def describe_end(kind: str) -> str:
    """Describe the end of an alert of a kind in words.

    >>> describe_end("drift"), describe_end("budget")
    ('drift ended', 'budget reset')
    """
    return _ENDS.get(kind, f"{describe_kind(kind)} ended")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural if needed.

    >>> counted(1, "attempt"), counted(3, "attempt")
    ('1 attempt', '3 attempts')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def drop_text(drop: Mapping[str, Any]) -> str:
    """Describe a metric that is worse than in the baseline, of one day or of several.

    >>> drop_text({"kind": "realised", "metric": "mae", "value": 2.5, "baseline": 2.0, "compared_days": 7})
    'realised MAE is 2.500 over 7 days, 2.000 in the baseline'
    """
    days = f" over {counted(drop['compared_days'], 'day')}" if "compared_days" in drop else ""
    metric = drop.get("metric_name") or display_name(drop["metric"])
    return f"{drop['kind']} {metric} is {drop['value']:.3f}{days}, {drop['baseline']:.3f} in the baseline"
