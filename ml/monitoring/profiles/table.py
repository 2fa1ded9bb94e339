"""The profiles of all columns of some rows, which are stored, merged and compared together.

Merging and serializing belong here; reading raw rows does not, it is in `build.py`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.encoding import ColumnProfile, decode, digest, encode
from ml.monitoring.profiles.numeric import NumericProfile

__all__ = ["ColumnProfile", "TableProfile", "columns_like", "kind_of", "merge_columns", "value_count"]


@dataclass(frozen=True, slots=True, eq=False)
class TableProfile:
    """Profiles of the columns of one set of rows.

    Attributes
    ----------
    rows : number of rows.
    columns : profile by lake column name (features are `feature_<name>`).
    """

    rows: int
    columns: Mapping[str, ColumnProfile]

    @classmethod
    def merge(cls, profiles: Sequence["TableProfile"]) -> "TableProfile":
        """Merge the profiles of several sets of rows. A column that a set lacks is null in all of its rows.

        Raises
        ------
        ValueError
            If there is nothing to merge, or a column is numeric in one profile and categorical in another.

        Examples
        --------
        >>> from ml.monitoring.profiles.numeric import NumericProfile
        >>> day = TableProfile(2, {"latency_ms": NumericProfile.from_values(np.array([1.0, 3.0]))})
        >>> week = TableProfile.merge([day] * 7)
        >>> week.rows, week.columns["latency_ms"].mean
        (14, 2.0)
        """
        if not profiles:
            raise ValueError("profiles: nothing to merge, give at least one profile")
        if len(profiles) == 1:
            return profiles[0]
        names = dict.fromkeys(name for profile in profiles for name in profile.columns)
        columns = {name: _merge_column(name, profiles) for name in names}
        return cls(sum(profile.rows for profile in profiles), columns)

    def without(self, names: Collection[str]) -> "TableProfile":
        """Return the profile without some columns, those that it lacks included.

        Examples
        --------
        >>> from ml.monitoring.profiles.numeric import NumericProfile
        >>> day = TableProfile(2, {"latency_ms": NumericProfile.from_values(np.array([1.0, 3.0]))})
        >>> list(day.without(["latency_ms", "y_pred"]).columns)
        []
        """
        if not names:
            return self
        return TableProfile(self.rows, {name: column for name, column in self.columns.items() if name not in names})

    def to_bytes(self) -> bytes:
        """Serialize the profile (Arrow IPC, zstd); equal content gives equal bytes, whatever the order of the columns.

        Examples
        --------
        >>> profile = TableProfile(2, {"latency_ms": NumericProfile.from_values(np.array([1.0, 3.0]))})
        >>> TableProfile.from_bytes(profile.to_bytes()).digest() == profile.digest()
        True
        """
        return encode(self.rows, self.columns)

    @classmethod
    def from_bytes(cls, data: bytes) -> "TableProfile":
        """Read the bytes of `to_bytes`; columns are ordered by name.

        Raises
        ------
        ValueError
            If the bytes are not a table profile, are damaged, or have an unknown version.

        Examples
        --------
        >>> TableProfile.from_bytes(TableProfile(0, {}).to_bytes()).rows
        0
        """
        return cls(*decode(data))

    def digest(self) -> str:
        """Return the SHA-256 of the content in hexadecimal, independent of compression and of library versions.

        Examples
        --------
        >>> TableProfile(0, {}).digest() == TableProfile(1, {}).digest()
        False
        """
        return digest(self.rows, self.columns)


def empty_column(column: ColumnProfile, rows: int) -> ColumnProfile:
    """Return the profile of a column of the same type that is null in all rows."""
    if isinstance(column, CategoricalProfile):
        return CategoricalProfile(rows, rows, {})
    return NumericProfile.from_scratch(np.empty(0), nulls=rows)


def _merge_column(name: str, profiles: Sequence[TableProfile]) -> ColumnProfile:
    example = next(profile.columns[name] for profile in profiles if name in profile.columns)
    parts = [profile.columns.get(name) or empty_column(example, profile.rows) for profile in profiles]
    if len({kind_of(part) for part in parts}) > 1:
        raise ValueError(
            f"column {name!r}: numeric in one profile and categorical in another; profile both with the same kind"
        )
    return merge_columns(parts)


def merge_columns(parts: Sequence[ColumnProfile]) -> ColumnProfile:
    """Merge the profiles of a column, all numeric or all categorical.

    Raises
    ------
    ValueError
        If there is nothing to merge.
    """
    numeric = [part for part in parts if isinstance(part, NumericProfile)]
    if numeric:
        return NumericProfile.merge(numeric)
    return CategoricalProfile.merge([part for part in parts if isinstance(part, CategoricalProfile)])


def columns_like(tables: Iterable[TableProfile], name: str, example: ColumnProfile) -> list[ColumnProfile]:
    """Return a column's profiles in those tables where it is of the example's kind.

    Examples
    --------
    >>> latency = NumericProfile.from_values(np.array([1.0, 3.0]))
    >>> tables = [TableProfile(2, {"latency_ms": latency}), TableProfile(2, {})]
    >>> len(columns_like(tables, "latency_ms", latency))
    1
    """
    columns = [column for table in tables if (column := table.columns.get(name))]
    return [column for column in columns if kind_of(column) == kind_of(example)]


def kind_of(profile: ColumnProfile | None) -> str:
    """Return whether a profile is "numeric" or "categorical"; the latter without a profile."""
    return "numeric" if isinstance(profile, NumericProfile) else "categorical"


def value_count(column: ColumnProfile | None) -> int:
    """Count the rows with a value that can be compared: not null, and finite if it is a number; 0 without a profile."""
    if column is None:
        return 0
    return column.finite if isinstance(column, NumericProfile) else column.non_null
