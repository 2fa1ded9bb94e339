"""The profile of one categorical column: counts of its most frequent values and of the rest.

Building from values and merging belong here; distances between two profiles do not.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.monitoring.profiles.arrays import ArrowColumn, as_chunks, label_values

MAX_CATEGORIES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class CategoricalProfile:
    """Summary of one categorical column.

    Attributes
    ----------
    count : rows, nulls included.
    nulls : null rows.
    counts : rows by value, the 1,000 most frequent values at most, most frequent first (ties by value).
    other : non-null rows whose value is not in `counts`.
    """

    count: int
    nulls: int
    counts: Mapping[str, int]
    other: int = 0

    @classmethod
    def from_values(cls, values: ArrowColumn) -> Self:
        """Profile a column of strings (plain or dictionary-encoded), booleans or class numbers.

        Parameters
        ----------
        values : (n,) Arrow array or chunked array. Booleans count as "true" and "false".

        Raises
        ------
        ValueError
            If the column's type has no labels (lists, structs, binary).

        Examples
        --------
        >>> profile = CategoricalProfile.from_values(pa.array(["b", "a", None, "b"]))
        >>> dict(profile.counts), profile.nulls, profile.share("b")
        ({'b': 2, 'a': 1}, 1, 0.6666666666666666)
        """
        labels, rows = _label_counts(label_values(values))
        counts = _most_frequent(labels, rows)
        non_null = int(rows.sum())
        return cls(len(values), len(values) - non_null, counts, non_null - sum(counts.values()))

    @classmethod
    def merge(cls, profiles: Sequence["CategoricalProfile"]) -> "CategoricalProfile":
        """Merge the profiles of several columns into the profile of all their rows.

        Exact, associative and commutative as long as no input has `other` rows and the union has at most 1,000 values.
        Beyond that a value's count may lack the rows that an input has in its `other`: at most the sum of `other`, where they
        stay counted.

        Parameters
        ----------
        profiles : at least one; a single profile is returned as it is.

        Raises
        ------
        ValueError
            If there is nothing to merge.

        Examples
        --------
        >>> one, two = (CategoricalProfile.from_values(pa.array(v)) for v in (["a", "b"], ["b", None]))
        >>> dict(CategoricalProfile.merge([one, two]).counts)
        {'b': 2, 'a': 1}
        """
        if not profiles:
            raise ValueError("profiles: nothing to merge, give at least one profile")
        if len(profiles) == 1:
            return profiles[0]
        summed: Counter[str] = Counter()
        for profile in profiles:
            summed.update(profile.counts)
        counts = _first_of(summed.items())
        count, nulls = sum(p.count for p in profiles), sum(p.nulls for p in profiles)
        return cls(count, nulls, counts, count - nulls - sum(counts.values()))

    @property
    def non_null(self) -> int:
        """The number of rows with a value."""
        return self.count - self.nulls

    def share(self, value: str) -> float:
        """Return a value's share of the non-null rows; NaN if there are none.

        A value that is only in `other` has share 0.

        Examples
        --------
        >>> CategoricalProfile.from_values(pa.array([True, False])).share("true")
        0.5
        """
        return self.counts.get(value, 0) / self.non_null if self.non_null else math.nan


def _label_counts(column: ArrowColumn) -> tuple[pa.Array, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return the distinct non-null labels and the rows of each."""
    labels, rows = [], []
    for chunk in as_chunks(column):
        if not len(chunk):
            continue
        if pa.types.is_dictionary(chunk.type):
            present = chunk.indices.drop_null() if chunk.indices.null_count else chunk.indices
            labels.append(chunk.dictionary)
            rows.append(np.bincount(present.to_numpy(zero_copy_only=False), minlength=len(chunk.dictionary)))
        else:
            value_counts = chunk.value_counts()
            labels.append(value_counts.field("values"))
            rows.append(value_counts.field("counts").to_numpy(zero_copy_only=False))
    if not labels:
        return pa.array([], pa.string()), np.zeros(0, dtype=np.int64)
    # Chunks have dictionaries of their own, and a dictionary may hold nulls, repeated or unused values.
    table = pa.table({"label": pa.chunked_array(labels), "rows": np.concatenate(rows).astype(np.int64)})
    total = table.group_by("label", use_threads=False).aggregate([("rows", "sum")])
    total = total.filter(pc.and_(pc.is_valid(total["label"]), pc.greater(total["rows_sum"], 0)))
    return total["label"].combine_chunks(), total["rows_sum"].to_numpy()


def _most_frequent(labels: pa.Array, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> dict[str, int]:
    if len(labels) <= MAX_CATEGORIES:
        return _first_of(zip(labels.to_pylist(), rows.tolist(), strict=True))
    least = int(np.partition(rows, -MAX_CATEGORIES)[-MAX_CATEGORIES])
    above = np.flatnonzero(rows > least)
    # Of the many labels at the threshold only the first few by value are needed, so they are not all sorted.
    level = labels.take(pa.array(np.flatnonzero(rows == least)))
    first = pc.select_k_unstable(level, MAX_CATEGORIES - above.size, [("", "ascending")])
    chosen = dict(zip(labels.take(pa.array(above)).to_pylist(), rows[above].tolist(), strict=True))
    return _first_of([*chosen.items(), *((label, least) for label in level.take(first).to_pylist())])


def _first_of(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    ordered = sorted(counts, key=lambda item: (-item[1], item[0]))
    return dict(ordered[:MAX_CATEGORIES])
