"""The task of a model, derived from its labels.

Interpreting labels belongs here; the metrics of a task do not.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

Task = Literal["binary", "multiclass", "regression"]
# The positive label of each known pair of labels.
_POSITIVE_LABELS: Mapping[frozenset[str], str] = {
    frozenset({"0", "1"}): "1",
    frozenset({"-1", "1"}): "1",
    frozenset({"false", "true"}): "true",
    frozenset({"no", "yes"}): "yes",
}


def positive_label(labels: Iterable[str]) -> str | None:
    """Return the positive label of a known pair, also if only one label of the pair occurs and identifies it.

    Examples
    --------
    >>> positive_label(["0", "1"]), positive_label(["yes"]), positive_label(["cat", "dog"])
    ('1', 'yes', None)
    """
    present = frozenset(labels)
    candidates = {positive for pair, positive in _POSITIVE_LABELS.items() if present and present <= pair}
    return candidates.pop() if len(candidates) == 1 else None


def task_of(y_pred_kind: str, labels: Iterable[str]) -> Task:
    """Return the task of a model, by the kind of its predictions and its labels.

    Parameters
    ----------
    y_pred_kind : "numeric" or "categorical", from `ml.monitoring.kinds.learn_prediction_kind`.
    labels : class labels that occur, predicted or true.

    Returns
    -------
    "regression" for numbers; "binary" if the labels are a known pair; else "multiclass".

    Examples
    --------
    >>> task_of("numeric", []), task_of("categorical", ["1", "0"]), task_of("categorical", ["a", "b"])
    ('regression', 'binary', 'multiclass')
    """
    if y_pred_kind == "numeric":
        return "regression"
    return "multiclass" if positive_label(labels) is None else "binary"
