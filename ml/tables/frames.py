"""Data frames and Arrow tables in memory as tables of numbers, strings, booleans and dates.

Files do not belong here, they are in `read.py`.
"""

import re

import pyarrow as pa

from ml.tables.read import FileTable, InputError, plain_table

_FAILED_COLUMN = re.compile(r"Conversion failed for column (.*) with type object", re.DOTALL)


def frame_table(name: str, frame: object) -> FileTable:
    """Return the rows of a pandas DataFrame, an Arrow table or another object with `__arrow_c_stream__`.

    NaN, None, NaT and `pandas.NA` are missing values; the index of a DataFrame is no column.

    Parameters
    ----------
    name : of the rows, for error messages.

    Raises
    ------
    TypeError
        If the object is no table.
    InputError
        If there are no rows, two columns have the same name, a column mixes types, or no column can be a feature.
    """
    try:
        table = plain_table(name, _arrow_table(name, frame))
    except InputError:
        raise
    except (ValueError, pa.ArrowException) as error:
        raise InputError(f"{name}: {_fault(error)}") from error
    if not table.rows.num_rows:
        raise InputError(f"{name}: no rows; give a table with at least one")
    return table


def _arrow_table(name: str, frame: object) -> pa.Table:
    import pandas as pd

    if isinstance(frame, pd.DataFrame):
        # Arrow's own stream of a DataFrame would add its index as a column.
        return pa.Table.from_pandas(frame, preserve_index=False)
    if isinstance(frame, pd.Series) or not (hasattr(frame, "__arrow_c_stream__") or isinstance(frame, pa.RecordBatch)):
        kind = type(frame).__name__
        raise TypeError(f"{name}: a {kind} is no table; give a pandas DataFrame, an Arrow table or a Polars DataFrame")
    return pa.table(frame)


def _fault(error: Exception) -> str:
    text = " ".join(str(part) for part in error.args)
    if column := _FAILED_COLUMN.search(text):
        return f"column {column[1]!r} mixes types; convert it, for example with astype(str)"
    return " ".join(text.split())[:500]
