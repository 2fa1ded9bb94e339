"""Columns of the lake: their names, and the kinds of values that they hold.

Learning a kind from values is `ml.monitoring.kinds`; keeping it is `guard_store.monitoring.kinds`.
"""

from typing import Final, Literal, get_args

FEATURE_PREFIX: Final = "feature_"
"""A feature `x` of an event is the column `feature_x`, apart from the event's own fields."""
PREDICTION: Final = "y_pred"
PROBABILITY: Final = "y_proba"
LABEL: Final = "y_true"
LATENCY: Final = "latency_ms"

Kind = Literal["numeric", "categorical", "boolean", "text"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


def feature_column(name: str) -> str:
    """Return the lake column of a feature.

    >>> feature_column("age")
    'feature_age'
    """
    return FEATURE_PREFIX + name


def feature_name(column: str) -> str:
    """Return a column's name as callers know it: a feature's without the prefix.

    >>> feature_name("feature_age"), feature_name("latency_ms")
    ('age', 'latency_ms')
    """
    return column.removeprefix(FEATURE_PREFIX)
