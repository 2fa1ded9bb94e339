"""Answers of a model on the held-out window, and the importance of its features.

Scoring rows belongs here; deciding about promotion does not, it is in `ml.retraining.promotion`.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from ml.monitoring.performance.tasks import Task, positive_label
from ml.retraining.predictor.frame import PREFIX, frame_of_table
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.promotion import PRIMARY, Answers, measure
from ml.retraining.training.features import targets

_IMPORTANCE_ROWS = 5_000


def answers_of(model: NativePredictor, table: pa.Table) -> Answers:
    """Return a model's answers to (n,) lake rows."""
    return _answers(model, frame_of_table(table, model.schema.features))


def trivial_answers(task: Task, trained_on: pa.Table, rows: int) -> Answers:
    """Return the answers of a baseline without features: the mean of the training labels, or their most frequent class and its share."""
    labels = targets(trained_on, task)
    if task == "regression":
        return Answers(np.full(rows, float(labels.mean())), None)
    values, counts = np.unique(labels, return_counts=True)
    share = counts / counts.sum()
    place = int(share.argmax())
    positive = positive_label(values.tolist()) if task == "binary" else None
    proba = share[values.tolist().index(positive)] if positive is not None else share[place]
    return Answers(np.full(rows, values[place]), np.full(rows, float(proba)))


def importance(model: NativePredictor, table: pa.Table, rng: np.random.Generator) -> dict[str, float]:
    """Return the permutation importance by lake column: the loss of the deciding metric if a feature is shuffled, at least 0.

    It is computed on 5,000 rows, drawn at random if there are more.
    """
    if len(table) > _IMPORTANCE_ROWS:
        table = table.take(pa.array(np.sort(rng.choice(len(table), _IMPORTANCE_ROWS, replace=False))))
    task = model.schema.task
    frame, true = frame_of_table(table, model.schema.features), targets(table, task)
    sign = -1.0 if PRIMARY[task] == "mae" else 1.0
    weights = np.ones((1, len(table)))
    unshuffled = float(measure(task, true, _answers(model, frame), weights)[0])
    importances = {}
    for name in frame.columns:
        shuffled = frame.assign(**{name: frame[name].to_numpy()[rng.permutation(len(frame))]})
        loss = sign * (unshuffled - float(measure(task, true, _answers(model, shuffled), weights)[0]))
        importances[PREFIX + name] = max(0.0, loss) if np.isfinite(loss) else 0.0
    return importances


def _answers(model: NativePredictor, frame: Any) -> Answers:
    scores = model.scores_of_frame(frame)
    if model.schema.task == "regression":
        return Answers(scores.reshape(-1).astype(float), None)
    places, proba = model.schema.decided(scores)
    return Answers(np.array(model.schema.classes)[places], proba)
