"""Missing and non-finite values as columns of their own, derived from the profiles of a table.

A derived column has two categories, so that its share is judged like that of any category; judging does not belong here.
"""

import math
from collections.abc import Iterable

from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.table import ColumnProfile, TableProfile, value_count

_PREFIX = "missing:"
_PRESENT, MISSING = "present", "missing"


def missing_column(column: str) -> str:
    """Return the name of the derived column of a column."""
    return _PREFIX + column


def with_missing_columns(table: TableProfile, names: Iterable[str]) -> TableProfile:
    """Add the derived columns of some columns; a column that the table lacks is missing in all rows.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = TableProfile(3, {"feature_x": CategoricalProfile.from_values(pa.array(["a", None, "b"]))})
    >>> dict(with_missing_columns(table, ["feature_x"]).columns["missing:feature_x"].counts)
    {'present': 2, 'missing': 1}
    """
    derived = {missing_column(name): _missing_profile(table.columns.get(name), table.rows) for name in names}
    return TableProfile(table.rows, {**table.columns, **derived})


def missing_share(table: TableProfile, column: str) -> float:
    """Return the share of rows without a finite value of a column, in a table with its derived column."""
    derived = table.columns[missing_column(column)]
    return derived.share(MISSING) if isinstance(derived, CategoricalProfile) else math.nan


def _missing_profile(column: ColumnProfile | None, rows: int) -> CategoricalProfile:
    rows = rows if column is None else column.count
    present = value_count(column)
    counts = sorted(((_PRESENT, present), (MISSING, rows - present)), key=lambda item: -item[1])
    return CategoricalProfile(rows, 0, {name: count for name, count in counts if count})
