"""A table into which rows are inserted once: its columns, and the key of a row.

How each engine inserts the rows is `sessions`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, Self

import msgspec
from sqlalchemy import BigInteger, Boolean, Float, Table
from sqlalchemy.types import TypeEngine

Stored = set[tuple[Any, ...]] | None
"""Keys of the rows that were stored; None means all of them."""

_POSTGRESQL_TYPES: Final[Sequence[tuple[type[TypeEngine[Any]], str]]] = (
    (BigInteger, "int8"),
    (Float, "float8"),
    (Boolean, "bool"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A table into which rows are inserted once.

    Attributes
    ----------
    columns, types : columns of a row in the order of its fields, and their PostgreSQL types.
    keys : columns that identify a row; `key` returns their values.
    is_copied : whether rows are copied straight into the table on PostgreSQL, and the transaction is restarted if one is a
        duplicate: for rows that are rarely duplicates, as the first statement of a transaction.
    """

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    keys: tuple[str, ...]
    key: Callable[[Any], tuple[Any, ...]]
    is_copied: bool

    @classmethod
    def of(cls, table: Table, row: type[msgspec.Struct], keys: tuple[str, ...], *, is_copied: bool = False) -> Self:
        """Describe the table of the rows of a struct."""
        columns = row.__struct_fields__
        types = tuple(_postgresql_type(table.c[name].type) for name in columns)
        return cls(table.name, columns, types, keys, attrgetter(*keys), is_copied)

    @property
    def column_list(self) -> str:
        """The columns in SQL."""
        return ", ".join(self.columns)

    @property
    def key_list(self) -> str:
        """The columns of the key in SQL."""
        return ", ".join(self.keys)

    def in_key_order(self, rows: Sequence[Any]) -> list[Any]:
        """Return the rows sorted by their keys."""
        ordered = list(rows)
        for name in reversed(self.keys):  # comparing plain values takes half the time of comparing tuples
            ordered.sort(key=attrgetter(name))
        return ordered


def _postgresql_type(column_type: TypeEngine[Any]) -> str:
    return next((name for kind, name in _POSTGRESQL_TYPES if isinstance(column_type, kind)), "text")
