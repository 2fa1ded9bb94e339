"""The kind of a column's values, learned once from a model's first rows.

Learning from values belongs here; converting values to their kind and profiling them do not.
"""

import math
from collections.abc import Sequence

import numpy as np

from guard_core.columns import Kind

# Free text hardly repeats itself and consists of sentences. Names, codes and ids of bounded length stay categorical, even when
# most are distinct: their shares can drift, whereas of free text only the length is informative.
TEXT_MIN_DISTINCT_SHARE = 0.5
TEXT_MIN_MEAN_CHARACTERS = 30
# Few distinct strings are no evidence about repetition yet: a single long label must not become text.
TEXT_MIN_DISTINCT = 20
# Whole numbers with more distinct values than this are counts or amounts rather than class labels.
MAX_CLASS_LABELS = 20


def learn_kind(sample: Sequence[object]) -> Kind | None:
    """Return the kind of a feature, from its values as parsed JSON (number, string, bool, null).

    Nulls are ignored. Of values of several types the most frequent type decides; on a tie strings before numbers before
    booleans, because a string can represent all of them. Strings are text when at least 20 are distinct, they are at least
    half of the strings seen, and they are 30 characters long on average; otherwise categorical.

    Parameters
    ----------
    sample : values of one feature, in any order.

    Returns
    -------
    The kind, or None if all values are null.

    Raises
    ------
    TypeError
        If a value is nested (a list or an object), which the event contract does not allow.

    Examples
    --------
    >>> learn_kind([1, 2.5, None]), learn_kind(["red", "blue"]), learn_kind([True, False]), learn_kind([None])
    ('numeric', 'categorical', 'boolean', None)
    >>> learn_kind([f"Flight {i} was late because of the weather" for i in range(100)])
    'text'
    """
    strings = [value for value in sample if isinstance(value, str)]
    booleans = sum(_is_boolean(value) for value in sample)
    numbers = sum(_is_number(value) for value in sample)
    nulls = sum(value is None for value in sample)
    if len(strings) + booleans + numbers + nulls != len(sample):
        odd = next(v for v in sample if not (v is None or isinstance(v, str) or _is_boolean(v) or _is_number(v)))
        raise TypeError(f"sample: values must be numbers, strings, booleans or null, not {type(odd).__name__}")
    most = max(len(strings), numbers, booleans)
    if not most:
        return None
    if len(strings) == most:
        return "text" if _is_text(strings) else "categorical"
    return "numeric" if numbers == most else "boolean"


def learn_prediction_kind(sample: Sequence[object]) -> Kind | None:
    """Return the kind of predictions: class labels are categorical, regression outputs numeric.

    Strings, booleans and whole numbers with at most 20 distinct values are class labels; everything else that is mostly
    numbers is numeric. Strings are labels, however many are distinct, and never text.

    Parameters
    ----------
    sample : predictions as parsed JSON, in any order.

    Returns
    -------
    "categorical", "numeric", or None if all values are null.

    Raises
    ------
    TypeError
        If a value is nested.

    Examples
    --------
    >>> learn_prediction_kind([0, 1, 1]), learn_prediction_kind([0.25, 0.75]), learn_prediction_kind(["yes"])
    ('categorical', 'numeric', 'categorical')
    """
    kind = learn_kind(sample)
    if kind is None:
        return None
    if kind != "numeric":
        return "categorical"
    values = (float(value) for value in sample if isinstance(value, int | float | np.number) and _is_number(value))
    numbers = {number for number in values if not math.isnan(number)}  # NaN is a missing label
    whole = all(number.is_integer() for number in numbers)
    return "categorical" if whole and len(numbers) <= MAX_CLASS_LABELS else "numeric"


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not _is_boolean(value)


def _is_text(strings: Sequence[str]) -> bool:
    distinct = set(strings)
    return (
        len(distinct) >= TEXT_MIN_DISTINCT
        and len(distinct) >= TEXT_MIN_DISTINCT_SHARE * len(strings)
        and sum(map(len, strings)) >= TEXT_MIN_MEAN_CHARACTERS * len(strings)
    )
