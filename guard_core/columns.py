"""Columns of the lake: their names and the kinds of their values.

Learning a kind from values is `ml.monitoring.kinds`; storing it is `guard_store.monitoring.kinds`.
"""

from typing import Final, Literal, get_args

FEATURE_PREFIX: Final = "feature_"
"""Prefix of feature columns: it keeps them apart from the fields of the event itself."""
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
    """Return the name of a column in the API: features are without the prefix.

    >>> feature_name("feature_age"), feature_name("latency_ms")
    ('age', 'latency_ms')
    """
    return column.removeprefix(FEATURE_PREFIX)
