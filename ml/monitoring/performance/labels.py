"""Class labels as keys: values that mean the same label, however they are spelt, have one key.

Reading single labels and counting them belongs here; the task that follows from them is `tasks`.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.object_]
MIN_CLASS_ROWS = 5
"""Rows below which a class is left out: cross-fitting the encoder of a training needs a row of each class in five folds."""
_KEYS: Mapping[str, str | None] = {"true": "1", "yes": "1", "false": "0", "no": "0", "nan": None, "": None}
# Codes such as 01 or 1_000 are names, not numbers.
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?")


def label_key(value: object) -> str | None:
    """Return the key by which labels are compared; None for a missing label (null, NaN, empty text).

    Numbers are compared by value, text without regard to case, surrounding spaces and
    how Unicode composes its letters. `true` and `yes` are 1, `false` and `no` are 0.

    Examples
    --------
    >>> [label_key(value) for value in (1, 1.0, "1.0", True, "Yes", "yes")]
    ['1', '1', '1', '1', '1', '1']
    >>> label_key(2.5), label_key("01"), label_key(" Churned"), label_key("NaN")
    ('2.5', '01', 'churned', None)
    """
    if value is None:
        return None
    text = unicodedata.normalize("NFC", str(value).strip().casefold())
    if text in _KEYS:
        return _KEYS[text]
    return _number_key(text) if _NUMBER.fullmatch(text) else text


def as_labels(values: npt.ArrayLike) -> Labels:
    """Convert class labels to their keys: (n,) strings, None where the label is missing."""
    keys: dict[object, str | None] = {}

    def key_of(value: object) -> str | None:
        if value is None or value != value:  # noqa: PLR0124 - NaN
            return None
        if value not in keys:  # rows have few distinct labels, and values that are equal have equal keys
            keys[value] = label_key(value)
        return keys[value]

    return np.array([key_of(value) for value in np.asarray(values, dtype=object)], dtype=object)


def as_numbers(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Convert labels or predictions to numbers: (n,) NaN where they are missing or no number."""
    array = np.asarray(values)
    if array.dtype.kind in "fiub":
        return array.astype(np.float64)
    return np.array([_number(key) for key in as_labels(array)], dtype=np.float64)


def count_labels(values: Iterable[object]) -> Counter[str]:
    """Count labels by spelling, without the missing ones."""
    return Counter({str(value): rows for value, rows in Counter(values).items() if label_key(value) is not None})


def count_keys(counts: Mapping[str, int]) -> Counter[str]:
    """Add up the rows of spellings by key.

    >>> count_keys({"Yes": 30, "yes": 12, "No": 58})
    Counter({'0': 58, '1': 42})
    """
    keys: Counter[str] = Counter()
    for spelling, rows in counts.items():
        key = label_key(spelling)
        if key is not None:
            keys[key] += rows
    return keys


def frequent_labels(counts: Mapping[str, int]) -> list[str]:
    """Return the keys that have enough rows for a class (`MIN_CLASS_ROWS`), sorted; all if that would leave fewer than two.

    Parameters
    ----------
    counts : rows by spelling.

    Examples
    --------
    >>> frequent_labels({"a": 900, "b": 600, "c": 1}), frequent_labels({"a": 900, "b": 1})
    (['a', 'b'], ['a', 'b'])
    """
    keys = count_keys(counts)
    frequent = sorted(key for key, rows in keys.items() if rows >= MIN_CLASS_ROWS)
    return frequent if len(frequent) > 1 else sorted(keys)


def spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """Return the most frequent spelling of each key.

    >>> spellings({"Yes": 30, "yes": 12, "No": 58})
    {'0': 'No', '1': 'Yes'}
    """
    texts: dict[str, str] = {}
    for spelling in sorted(counts, key=lambda name: (-counts[name], name)):
        key = label_key(spelling)
        if key is not None:
            texts.setdefault(key, spelling)
    return texts


def is_number(key: str) -> bool:
    """Return whether a key is that of a number."""
    return _NUMBER.fullmatch(key) is not None


def _number_key(text: str) -> str:
    number = float(text)
    if not math.isfinite(number):
        return text
    # Whole numbers in text may have more digits than a float keeps, as ids of classes have.
    if text.lstrip("-").isdigit():
        return "0" if number == 0 else text
    return str(int(number)) if number.is_integer() else repr(number)


def _number(key: str | None) -> float:
    return float(key) if key is not None and is_number(key) else math.nan
