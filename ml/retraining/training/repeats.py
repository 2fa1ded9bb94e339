"""Rows that repeat others in all features and the label: held-out copies of training rows make a model look better than it is.

Splitting rows in time does not belong here; it is up to those who read them.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from guard_core.columns import FEATURE_PREFIX, LABEL

_MIN_SHARE = 0.05
_CONTINUOUS = 0.5  # distinct values per distinct row
_EQUAL_IN_ALL = 0.9  # of the rows that are equal in a number
_EQUAL_BY_CHANCE = 0.7  # of two rows, in everything else


def without_repeats(table: pa.Table) -> tuple[pa.Table, int]:
    """Return the rows that are unlike all older ones, and the number of the others; all rows where equal ones may be a coincidence.

    They are none where at least 5 % are alike, and there is a number so fine that most distinct rows differ in it, while nearly all
    rows that are equal in it are equal in everything else, too, in which rows usually differ.

    Parameters
    ----------
    table : (n,) columns `feature_<name>` and `y_true`, in the order of time.

    Examples
    --------
    >>> rows = pa.table({"feature_x": [0.5, 1.5, 0.5, 2.5], "y_true": ["1", "0", "1", "1"]})
    >>> distinct, repeats = without_repeats(rows)
    >>> distinct["feature_x"].to_pylist(), repeats
    ([0.5, 1.5, 2.5], 1)
    """
    names = [name for name in table.column_names if name.startswith(FEATURE_PREFIX) or name == LABEL]
    places = np.sort(np.unique(_hashes(table.select(names)), return_index=True)[1])
    repeats = len(table) - len(places)
    if repeats < _MIN_SHARE * len(table):
        return table, 0
    distinct = table.take(pa.array(places))
    is_copied = any(_tells_copies(table.select(names), name, len(distinct)) for name in names if name != LABEL)
    return (distinct, repeats) if is_copied else (table, 0)


def _hashes(table: pa.Table) -> npt.NDArray[np.uint64]:
    from pandas.util import hash_pandas_object

    return np.asarray(hash_pandas_object(table.to_pandas(), index=False))


def _tells_copies(table: pa.Table, name: str, distinct_rows: int) -> bool:
    column = table[name]
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        return False
    values = len(column.unique())
    equal_in_it, equal_in_all = len(table) - values, len(table) - distinct_rows
    if values <= _CONTINUOUS * distinct_rows or equal_in_all < _EQUAL_IN_ALL * equal_in_it:
        return False
    counts = np.unique(_hashes(table.drop_columns([name])), return_counts=True)[1]
    return float(np.sum((counts / len(table)) ** 2)) <= _EQUAL_BY_CHANCE
