"""The area under the ROC curve against scikit-learn's, with ties, weights and one class."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ml.monitoring.performance.roc_auc import roc_auc, roc_auc_of_groups


@pytest.mark.parametrize("decimals", [1, 2, 12])  # few distinct scores: nearly all rows tie
def test_it_is_scikit_learns_under_every_weighting(decimals: int) -> None:
    rng = np.random.default_rng(7)
    positive = rng.random(400) < 0.3
    noise = rng.normal(0.4, 0.2, 400)
    score = np.clip(noise + 0.2 * positive, 0, 1).round(decimals).astype(np.float64)
    weights = np.concatenate(
        [np.ones((1, 400)), rng.multinomial(400, np.full(400, 1 / 400), size=20), rng.random((5, 400))]
    )
    wanted = [roc_auc_score(positive, score, sample_weight=weight) for weight in weights]
    assert roc_auc(positive, score, weights) == pytest.approx(wanted, abs=1e-12)
    distinct, group = np.unique(score, return_inverse=True)
    groups = [
        np.array([np.bincount(group, weight * chosen, len(distinct)) for weight in weights])
        for chosen in (positive, ~positive)
    ]
    assert roc_auc_of_groups(*groups) == pytest.approx(wanted, abs=1e-12)


def test_with_one_class_or_no_rows_there_is_none() -> None:
    score = np.array([0.2, 0.8])
    assert np.isnan(roc_auc(np.array([True, True]), score, np.ones((1, 2)))).all()
    assert np.isnan(roc_auc(np.array([True, False]), score, np.array([[1.0, 0.0], [0.0, 0.0]]))).all()
    assert np.isnan(roc_auc(np.zeros(0, dtype=bool), np.zeros(0), np.ones((3, 0)))).all()
