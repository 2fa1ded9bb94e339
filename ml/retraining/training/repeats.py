"""Rows that repeat others in all features and the label: a model that has learned from one knows the answer to the next.

Splitting rows in time does not belong here; it is up to those who read them.
"""

import numpy as np
import pyarrow as pa

from guard_core.columns import LABEL
from ml.retraining.predictor.frame import PREFIX

_MIN_SHARE = 0.05
_CONTINUOUS = 0.5  # distinct values per distinct row
_EQUAL_IN_ALL = 0.9  # of the rows that are equal in a number


def without_repeats(table: pa.Table) -> tuple[pa.Table, int]:
    """Return the rows that are unlike all older ones, and the number of the others; all rows where equal ones may be a coincidence.

    They may be one where less than 5 % are alike, or where no number is so fine that most distinct rows differ in it, and nearly
    all rows that are equal in it are equal in everything.

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
    from pandas.util import hash_pandas_object

    names = [name for name in table.column_names if name.startswith(PREFIX) or name == LABEL]
    hashes = hash_pandas_object(table.select(names).to_pandas(), index=False).to_numpy()
    places = np.sort(np.unique(hashes, return_index=True)[1])
    repeats = len(table) - len(places)
    if repeats < _MIN_SHARE * len(table):
        return table, 0
    distinct = table.take(pa.array(places))
    is_copied = any(_tells_copies(table[name], len(distinct), repeats) for name in names if name != LABEL)
    return (distinct, repeats) if is_copied else (table, 0)


def _tells_copies(column: pa.ChunkedArray, distinct_rows: int, repeats: int) -> bool:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        return False
    values = len(column.unique())
    return values > _CONTINUOUS * distinct_rows and repeats >= _EQUAL_IN_ALL * (len(column) - values)
