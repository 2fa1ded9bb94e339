"""A table that rows go into once: its columns, and the keys that name a row. How each engine fills it is `sessions`."""

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
    """A table that rows go into once.

    Attributes
    ----------
    columns, types : of a row, in the order of its fields; types as PostgreSQL names them.
    keys : columns that name a row; `key` gives their values.
    is_copied : whether PostgreSQL copies rows straight into the table and begins again where it meets a duplicate: for rows
        that hardly ever are duplicates, and as the first step of a transaction.
    """

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    keys: tuple[str, ...]
    key: Callable[[Any], tuple[Any, ...]]
    is_copied: bool

    @classmethod
    def of(cls, table: Table, row: type[msgspec.Struct], keys: tuple[str, ...], *, is_copied: bool = False) -> Self:
        """Describe the table that rows of a struct go into."""
        columns = row.__struct_fields__
        types = tuple(_postgresql_type(table.c[name].type) for name in columns)
        return cls(table.name, columns, types, keys, attrgetter(*keys), is_copied)

    @property
    def column_list(self) -> str:
        """The columns in SQL."""
        return ", ".join(self.columns)

    @property
    def key_list(self) -> str:
        """The key's columns in SQL."""
        return ", ".join(self.keys)

    def in_key_order(self, rows: Sequence[Any]) -> list[Any]:
        """Return the rows sorted by their keys."""
        ordered = list(rows)
        for name in reversed(self.keys):  # plain values are compared in half the time of tuples
            ordered.sort(key=attrgetter(name))
        return ordered


def _postgresql_type(column_type: TypeEngine[Any]) -> str:
    return next((name for kind, name in _POSTGRESQL_TYPES if isinstance(column_type, kind)), "text")
