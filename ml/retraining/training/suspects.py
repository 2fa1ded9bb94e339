"""Features that a model should not learn from: those that tell the label, ids, texts and times.

What is done about them does not belong here; it is in `features`.
"""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.retraining.predictor.schema import FeatureKind

_UNEXPLAINED = 0.01  # share of the rows outside the most frequent class
_ORDERED_AS_LABEL = 0.999  # rank correlation
_IN_TIME_ORDER = 0.999
_ID_SHARE = 0.5  # distinct values per row
_FEW = 20  # rows per value, on average
_MIN_ROWS = 100
_TEXT_WORDS = 5.0
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?|\d{1,2}[/.]\d{1,2}[/.]\d{4}( .*)?")


class SuspectFinder:
    """Finds out of each feature whether it looks like one that no model should read.

    Parameters
    ----------
    labels : (n,) numbers if `is_numeric`, otherwise text; in the order of time.

    Examples
    --------
    >>> label = np.array(["no", "yes"] * 100)
    >>> finder = SuspectFinder(label, is_numeric=False)
    >>> finder.suspicion(pa.chunked_array([pa.array(label == "yes")]), "boolean")
    'tells the label: its values separate the classes'
    >>> finder.suspicion(pa.chunked_array([pa.array(range(200))]), "numeric")
    'is a counter or a time: it grows from row to row, and later rows have values that were never learned'
    """

    def __init__(self, labels: npt.NDArray[Any], *, is_numeric: bool) -> None:
        self._is_numeric = is_numeric
        self._distinct, self._codes = np.unique(labels, return_inverse=True)
        self._labels = labels

    def suspicion(self, column: pa.ChunkedArray, kind: FeatureKind) -> str | None:
        """Describe why a feature, (n,) values, looks like one that no model should read; None if it does not."""
        if len(column) < _MIN_ROWS:
            return None
        if kind == "categorical":
            values = pc.fill_null(column.cast(pa.string()), "").to_numpy().astype(str)
            return _names_rows(values) or (None if self._is_numeric else self._tells_class(values))
        numbers = pc.fill_null(column.cast(pa.float64()), float("nan")).to_numpy()
        if _grows_with_time(numbers):
            return (
                "is a counter or a time: it grows from row to row, and later rows have values that were never learned"
            )
        return self._orders_as_label(numbers) if self._is_numeric else self._tells_class(_with_nulls_first(numbers))

    def _orders_as_label(self, numbers: npt.NDArray[np.float64]) -> str | None:
        finite = np.isfinite(numbers)
        if len(self._distinct) < _FEW or finite.sum() < max(_MIN_ROWS, len(numbers) / 2):
            return None
        correlation = _rank_correlation(numbers[finite], self._labels[finite].astype(float))
        if abs(correlation) < _ORDERED_AS_LABEL:
            return None
        return f"tells the label: it orders the rows as the label does (rank correlation {correlation:.4f})"

    def _tells_class(self, values: npt.NDArray[Any]) -> str | None:
        """Compare the rows that the most frequent class of each value, or of a few intervals, gets wrong with those of one class alone."""
        rows, classes = len(self._codes), len(self._distinct)
        places = np.unique(values, return_inverse=True)[1]
        counts = np.zeros((places.max() + 1, classes), np.int64)
        np.add.at(counts, (places, self._codes), 1)
        allowed = _UNEXPLAINED * (rows - counts.sum(axis=0).max())
        if rows - counts.max(axis=1).sum() > allowed:
            return None
        if len(counts) * _FEW > rows:
            # Many values: only whether few intervals of numbers separate the classes can be told.
            ordered = self._codes[np.lexsort((self._codes, values))]
            if values.dtype.kind != "f" or np.count_nonzero(np.diff(ordered)) > classes - 1 + 2 * allowed:
                return None
        return "tells the label: its values separate the classes"


def _names_rows(values: npt.NDArray[Any]) -> str | None:
    distinct = np.unique(values)
    if len(distinct) < _ID_SHARE * len(values):
        return None
    sample = distinct[:: max(1, len(distinct) // 200)].tolist()
    if all(_TIME.fullmatch(value) for value in sample if value):
        return "is a time: later rows have values that were never learned"
    what = "free text" if np.mean([len(value.split()) for value in sample]) >= _TEXT_WORDS else "an id"
    return f"looks like {what}: {len(distinct):,} different values in {len(values):,} rows"


def _grows_with_time(numbers: npt.NDArray[np.float64]) -> bool:
    finite = numbers[np.isfinite(numbers)]
    is_counted = np.array_equal(finite, np.floor(finite))
    if not is_counted or len(finite) < _MIN_ROWS or len(np.unique(finite)) < _ID_SHARE * len(finite):
        return False
    return _rank_correlation(finite, np.arange(len(finite), dtype=float)) >= _IN_TIME_ORDER


def _with_nulls_first(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(np.isnan(numbers), -np.inf, numbers)


def _rank_correlation(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    from scipy.stats import rankdata

    ranks = rankdata(a), rankdata(b)
    if min(np.ptp(r) for r in ranks) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])
