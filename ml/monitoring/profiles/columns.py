"""The profile of one column by its kind, whole or split into groups of rows.

Choosing the profile's type and gathering groups belong here; reading the column does not.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from guard_core.columns import Kind
from ml.monitoring.profiles.arrays import ArrowColumn, float_values, label_values, text_lengths
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.encoding import ColumnProfile
from ml.monitoring.profiles.numeric import NumericProfile


class Scratch(threading.local):
    """One sorting buffer a thread, reused for each column: allocating memory takes longer than copying into it."""

    def __init__(self) -> None:
        self._values = np.empty(0)

    def take(self, size: int) -> NDArray[np.float64]:
        """Return a float64 array of at least `size` values with arbitrary content."""
        if self._values.size < size:
            self._values = np.empty(size)
        return self._values


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows of one piece by their value in one slice column.

    Attributes
    ----------
    values : the slice column's values that occur in the piece.
    order : row numbers, those of the first value first.
    bounds : (len(values) + 1,) positions in `order` where each value's rows start and end.
    """

    values: Sequence[str]
    order: NDArray[np.int64]
    bounds: NDArray[np.int64]

    @property
    def sizes(self) -> list[int]:
        """Rows of each value."""
        sizes: list[int] = np.diff(self.bounds).tolist()
        return sizes


def column_profile(column: ArrowColumn, kind: Kind, scratch: Scratch) -> ColumnProfile:
    """Profile a column: text by its length in characters, booleans by their labels.

    Raises
    ------
    ValueError
        If the column's type does not fit the kind.
    """
    if kind in {"categorical", "boolean"}:
        return CategoricalProfile.from_values(column)
    values, nulls = float_values(text_lengths(column) if kind == "text" else column, out=scratch.take(len(column)))
    return NumericProfile.from_scratch(values, nulls=nulls)


def grouped_profiles(column: ArrowColumn, kind: Kind, groups: Groups, scratch: Scratch) -> dict[str, ColumnProfile]:
    """Profile a column's rows by group."""
    gathered = _one_array(column).take(pa.array(groups.order))
    return {
        value: column_profile(gathered.slice(start, end - start), kind, scratch)
        for value, start, end in zip(
            groups.values, groups.bounds[:-1].tolist(), groups.bounds[1:].tolist(), strict=True
        )
    }


def group_rows(column: ArrowColumn, values: Sequence[str]) -> Groups:
    """Group the rows of a slice column by some of its values.

    Parameters
    ----------
    column : (n,) the slice column.
    values : values to group by, at most 32,767; other rows are in no group.
    """
    labels = _one_array(label_values(column))
    encoded = labels if pa.types.is_dictionary(labels.type) else labels.dictionary_encode()
    number: Mapping[str | None, int] = {value: index for index, value in enumerate(values)}
    codes = np.array([number.get(value, -1) for value in encoded.dictionary.to_pylist()] + [-1], dtype=np.int16)
    indices = encoded.indices.fill_null(len(encoded.dictionary)) if encoded.null_count else encoded.indices
    group = codes[indices.to_numpy(zero_copy_only=False)]
    order = np.argsort(group, kind="stable")  # a radix sort, for 16-bit codes
    bounds = np.searchsorted(group, np.arange(len(values) + 1), sorter=order).astype(np.int64)
    present = [index for index in range(len(values)) if bounds[index] < bounds[index + 1]]
    # Values without rows have empty ranges, so leaving them out keeps the other ranges adjacent.
    return Groups([values[index] for index in present], order, bounds[[*present, len(values)]])


def _one_array(column: ArrowColumn) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    return column.combine_chunks()
