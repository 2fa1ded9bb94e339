"""Which task a model solves, told from its labels.

Reading labels belongs here; what is measured of a task does not.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

Task = Literal["binary", "multiclass", "regression"]
# The positive label, by the pair of labels that it belongs to.
_POSITIVE_LABELS: Mapping[frozenset[str], str] = {
    frozenset({"0", "1"}): "1",
    frozenset({"-1", "1"}): "1",
    frozenset({"false", "true"}): "true",
    frozenset({"no", "yes"}): "yes",
}


def positive_label(labels: Iterable[str]) -> str | None:
    """The positive one of two labels; also where only one of the two occurs, but then it must say which pair it is of.

    Examples
    --------
    >>> positive_label(["0", "1"]), positive_label(["yes"]), positive_label(["cat", "dog"])
    ('1', 'yes', None)
    """
    seen = frozenset(labels)
    fitting = {positive for pair, positive in _POSITIVE_LABELS.items() if seen and seen <= pair}
    return fitting.pop() if len(fitting) == 1 else None


def task_of(y_pred_kind: str, labels: Iterable[str]) -> Task:
    """Task of a model whose predictions are of this kind.

    Parameters
    ----------
    y_pred_kind : "numeric" or "categorical", as `ml.monitoring.kinds.learn_prediction_kind` says.
    labels : class labels seen, predicted or true.

    Returns
    -------
    "regression" of numbers; "binary" where the labels are a pair with a known positive one; else "multiclass".

    Examples
    --------
    >>> task_of("numeric", []), task_of("categorical", ["1", "0"]), task_of("categorical", ["a", "b"])
    ('regression', 'binary', 'multiclass')
    """
    if y_pred_kind == "numeric":
        return "regression"
    return "multiclass" if positive_label(labels) is None else "binary"
