"""Names of lake columns on the API: features without their prefix, separate from the fields of the event itself."""

from collections.abc import Mapping
from typing import TypeVar

from guard_core.columns import FEATURE_PREFIX, feature_name

Value = TypeVar("Value")


def by_feature(columns: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """Split values by lake column into those of the event's own fields and those of features, by plain name.

    >>> by_feature({"latency_ms": 1, "feature_age": 2})
    ({'latency_ms': 1}, {'age': 2})
    """
    envelope = {name: value for name, value in columns.items() if not name.startswith(FEATURE_PREFIX)}
    features = {feature_name(name): value for name, value in columns.items() if name.startswith(FEATURE_PREFIX)}
    return envelope, features
