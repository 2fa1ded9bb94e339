"""Lake column names as callers know them: features without the prefix, apart from the event's own fields."""

from collections.abc import Mapping
from typing import TypeVar

from guard_store.monitoring.kinds import FEATURE_PREFIX

Value = TypeVar("Value")


def plain_name(column: str) -> str:
    """A lake column's name without the prefix that marks features.

    >>> plain_name("feature_age"), plain_name("latency_ms")
    ('age', 'latency_ms')
    """
    return column.removeprefix(FEATURE_PREFIX)


def by_feature(columns: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """The event's own fields, and the features by their plain names.

    >>> by_feature({"latency_ms": 1, "feature_age": 2})
    ({'latency_ms': 1}, {'age': 2})
    """
    envelope = {name: value for name, value in columns.items() if not name.startswith(FEATURE_PREFIX)}
    features = {plain_name(name): value for name, value in columns.items() if name.startswith(FEATURE_PREFIX)}
    return envelope, features
