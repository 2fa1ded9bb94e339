"""Answers of a model on the held-out window, and the importance of its features.

Scoring rows belongs here; deciding about promotion does not, it is in `ml.retraining.promotion`.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from guard_core.columns import feature_column
from ml.monitoring.performance.labels import as_labels, label_key
from ml.monitoring.performance.tasks import Target, is_numeric
from ml.retraining.predictor.frame import frame_of_table
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.promotion import PRIMARY, Answers, measure
from ml.retraining.training.features import targets

_IMPORTANCE_ROWS = 5_000


def answers_of(model: NativePredictor, table: pa.Table, target: Target | None = None) -> Answers:
    """Return a model's answers to (n,) lake rows, with the probabilities of its own target or of another."""
    return _answers(model, frame_of_table(table, model.schema.features), target or model.schema.target)


def trivial_answers(target: Target, trained_on: pa.Table, rows: int) -> Answers:
    """Return the answers of a baseline without features: the mean of the training labels, or their most frequent class and its share."""
    if is_numeric(target.task):
        numbers = targets(trained_on, target.task)
        return Answers(np.full(rows, float(numbers[np.isfinite(numbers)].mean())), None)
    labels = as_labels(targets(trained_on, target.task))
    values, counts = np.unique(labels[labels != None].astype(str), return_counts=True)  # noqa: E711 - by element
    share = counts / counts.sum()
    place = int(share.argmax())
    proba = float(share[values == label_key(target.positive)].sum()) if target.task == "binary" else share[place]
    return Answers(np.full(rows, values[place]), np.full(rows, float(proba)))


def importance(model: NativePredictor, table: pa.Table, rng: np.random.Generator) -> dict[str, float]:
    """Return the permutation importance by lake column: the loss of the deciding metric if a feature is shuffled, at least 0.

    It is computed on 5,000 rows, drawn at random if there are more.
    """
    if len(table) > _IMPORTANCE_ROWS:
        table = table.take(pa.array(np.sort(rng.choice(len(table), _IMPORTANCE_ROWS, replace=False))))
    target = model.schema.target
    frame, true = frame_of_table(table, model.schema.features), targets(table, target.task)
    sign = -1.0 if PRIMARY[target.task] == "mae" else 1.0
    weights = np.ones((1, len(table)))
    unshuffled = float(measure(target, true, _answers(model, frame, target), weights)[0])
    importances = {}
    for name in frame.columns:
        shuffled = frame.assign(**{name: frame[name].to_numpy()[rng.permutation(len(frame))]})
        loss = sign * (unshuffled - float(measure(target, true, _answers(model, shuffled, target), weights)[0]))
        importances[feature_column(name)] = max(0.0, loss) if np.isfinite(loss) else 0.0
    return importances


def _answers(model: NativePredictor, frame: Any, target: Target) -> Answers:
    scores = model.scores_of_frame(frame)
    if model.schema.is_numeric:
        return Answers(model.schema.numbers(scores), None)
    predictions = np.array(model.schema.classes)[model.schema.decided(scores)]
    return Answers(predictions, model.schema.probabilities(scores, target))
