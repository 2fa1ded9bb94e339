"""Metrics of predicted labels, from many confusion matrices at once.

Formulas over counts belong here; counting does not.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def confusion_metrics(matrix: Floats, positive: int | None) -> dict[str, Floats]:
    """Return accuracy, balanced accuracy, precision, recall and F1 as defined by scikit-learn (0 / 0 is 0).

    Parameters
    ----------
    matrix : (b, k, k) weight of rows by true (axis 1) and predicted (axis 2) class.
    positive : index of the class for precision, recall and F1; None for the macro average over all classes that occur.

    Returns
    -------
    (b,) each. Balanced accuracy is the mean recall over the classes that have rows.
    """
    hits = np.diagonal(matrix, axis1=1, axis2=2)
    true, predicted = matrix.sum(axis=2), matrix.sum(axis=1)
    precision, recall, f1 = _ratio(hits, predicted), _ratio(hits, true), _ratio(2 * hits, true + predicted)
    occurs = (true + predicted) > 0

    def average(values: Floats) -> Floats:
        if positive is not None:
            return np.asarray(values[:, positive])
        return _ratio((values * occurs).sum(axis=1), occurs.sum(axis=1).astype(np.float64))

    return {
        "accuracy": _ratio(hits.sum(axis=1), matrix.sum(axis=(1, 2))),
        "balanced_accuracy": _ratio(recall.sum(axis=1), (true > 0).sum(axis=1).astype(np.float64)),
        "precision": average(precision),
        "recall": average(recall),
        "f1": average(f1),
    }


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)
