"""Arrow columns as the plain arrays that profiles are made of.

Only conversions belong here; counting and reading files do not.
"""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

ArrowColumn: TypeAlias = pa.Array | pa.ChunkedArray


def as_chunks(column: ArrowColumn) -> list[pa.Array]:
    """Return the chunks of a column; an array is one chunk."""
    return list(column.chunks) if isinstance(column, pa.ChunkedArray) else [column]


def float_values(column: ArrowColumn, out: NDArray[np.float64] | None = None) -> tuple[NDArray[np.float64], int]:
    """Copy a numeric column into one writable float64 array, without its nulls.

    Parameters
    ----------
    column : integers, floats, decimals, booleans (as 0 and 1) or all nulls.
    out : (>= len(column),) float64 array to write to; a new one by default.

    Returns
    -------
    (values, nulls) : values in the column's order, and the number of nulls.

    Raises
    ------
    ValueError
        If the column's type is not a number.

    Examples
    --------
    >>> float_values(pa.array([1, None, 3]))
    (array([1., 3.]), 1)
    """
    values = np.empty(len(column)) if out is None else out
    size = 0
    for chunk in _numbers(column):
        part = chunk.drop_null() if chunk.null_count else chunk
        np.copyto(values[size : size + len(part)], part.to_numpy(zero_copy_only=False), casting="unsafe")
        size += len(part)
    return values[:size], len(column) - size


def text_lengths(column: ArrowColumn) -> ArrowColumn:
    """Return the length of each string in characters; null stays null.

    Raises
    ------
    ValueError
        If the column does not hold strings.

    Examples
    --------
    >>> text_lengths(pa.array(["über", None])).to_pylist()
    [4, None]
    """
    if pa.types.is_null(column.type):
        return column
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    if not (pa.types.is_string(plain.type) or pa.types.is_large_string(plain.type)):
        raise ValueError(f"a text column must hold strings, not {column.type}")
    return pc.utf8_length(plain)


def label_values(column: ArrowColumn) -> ArrowColumn:
    """Return a categorical column as strings or as a dictionary of strings.

    Booleans become "true" and "false"; whole numbers lose their decimal point, so that 1 and 1.0 are one label, and floats the
    digits beyond 15, so that 0.3 and 0.30000000000000004 are.

    Raises
    ------
    ValueError
        If the column's type has no labels (lists, structs, binary).

    Examples
    --------
    >>> label_values(pa.array([True, None])).to_pylist(), label_values(pa.array([0.1 + 0.2, 1.0])).to_pylist()
    (['true', None], ['0.3', '1'])
    """
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column
    if pa.types.is_dictionary(column.type):
        column = column.cast(kind)
    if pa.types.is_floating(kind):
        return pa.array([_number_label(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    raise ValueError(f"a categorical column must hold strings, booleans or numbers, not {column.type}")


def _numbers(column: ArrowColumn) -> Iterator[pa.Array]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_null(kind):
        return
    if pa.types.is_decimal(kind) or pa.types.is_boolean(kind):
        column = column.cast(pa.float64() if pa.types.is_decimal(kind) else pa.uint8())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise ValueError(f"a numeric column must hold numbers, not {kind}")
    yield from as_chunks(column)


def _number_label(value: float | None) -> str | None:
    if value is None:
        return None
    return str(int(value)) if float(value).is_integer() else str(float(f"{value:.15g}"))
