"""Classifiers that read whole numbers only, as XGBoost's, behind labels of any kind."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone


class CodedLabels(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A classifier that fits another one on the places of the labels among the sorted classes.

    Parameters
    ----------
    classifier : unfitted; its classes become 0, 1, …

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> model = CodedLabels(DecisionTreeClassifier()).fit([[0.0], [1.0], [2.0]], np.array(["no", "no", "yes"]))
    >>> model.predict([[0.2], [1.9]]).tolist(), model.classifier_.classes_.tolist()
    (['no', 'yes'], [0, 1])
    """

    def __init__(self, classifier: Any) -> None:
        self.classifier = classifier

    def fit(self, X: Any, y: NDArray[Any]) -> Self:  # noqa: N803 - scikit-learn's name
        """Fit a copy of the classifier."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.classifier_ = clone(self.classifier).fit(X, codes)
        return self

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """Return the labels of (n, k) rows: (n,)."""
        return np.asarray(self.classes_[np.asarray(self.classifier_.predict(X), dtype=np.intp)])

    def predict_proba(self, X: Any) -> NDArray[np.floating]:  # noqa: N803
        """Return the probability of each class, in the order of `classes_`: (n, classes)."""
        return np.asarray(self.classifier_.predict_proba(X))
