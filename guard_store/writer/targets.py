"""The tables that rows go into once: their columns, and the keys that name a row. How each engine fills them is `sessions`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from guard_store.writer.rows import COLUMNS, LABEL_COLUMNS

Stored = set[tuple[Any, ...]] | None
"""Keys of the rows that were stored; None means all of them."""


@dataclass(frozen=True, slots=True)
class Target:
    """A table that rows go into once.

    Attributes
    ----------
    columns, types : of a row, in its order; types as PostgreSQL names them.
    keys : columns that name a row.
    """

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    keys: tuple[str, ...]
    key: Callable[[Any], tuple[Any, ...]]

    @property
    def column_list(self) -> str:
        """The columns in SQL."""
        return ", ".join(self.columns)

    @property
    def key_list(self) -> str:
        """The key's columns in SQL."""
        return ", ".join(self.keys)

    def in_key_order(self, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The rows sorted by their keys."""
        ordered = list(rows)
        for name in reversed(self.keys):  # plain values are compared in half the time of tuples
            ordered.sort(key=itemgetter(self.columns.index(name)))
        return ordered


def _target(table: str, columns: tuple[str, ...], types: str, keys: tuple[str, ...]) -> Target:
    return Target(table, columns, tuple(types.split()), keys, itemgetter(*map(columns.index, keys)))


EVENTS = _target(
    "events",
    COLUMNS,
    "text text text int8 int8 text float8 text float8 text text text text",
    ("event_id", "project_id"),
)
LABELS = _target(
    "labels",
    LABEL_COLUMNS,
    "text text int8 text text int8 text bool",
    ("project_id", "event_id", "observed_us", "value_hash"),
)
