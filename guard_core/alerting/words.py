"""What kinds of alerts, their beginnings and their ends are called, and other words that several messages share."""

from collections.abc import Mapping
from typing import Final

_NAMES: Final[Mapping[str, str]] = {
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
    "retrain_rejected": "retraining brought nothing better",
    "retrain_rolled_back": "champion rolled back",
    "retrain_failed": "retraining failed",
    "retrain_dismissed": "retraining dismissed",
    "pipeline_failure": "pipeline failure",
    "missing_data": "no events",
}
_ENDS: Final[Mapping[str, str]] = {
    "budget": "budget counts anew",
    "budget_refused": "budget counts anew",
    "retrain_failed": "failed retraining made good",
    "missing_data": "events arrive again",
}


def name_of(kind: str) -> str:
    """A kind in words."""
    return _NAMES.get(kind, kind)


def end_of(kind: str) -> str:
    """The end of an alert of a kind in words.

    >>> end_of("drift"), end_of("budget")
    ('drift ended', 'budget counts anew')
    """
    return _ENDS.get(kind, f"{name_of(kind)} ended")


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "attempt"), counted(3, "attempt")
    ('1 attempt', '3 attempts')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
