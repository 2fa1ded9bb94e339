"""What a model says about the held-out window, and which features it lives by.

Scoring rows belongs here; deciding about promotion is in `ml.retraining.promotion`.
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
    """Predictions of (n,) lake rows."""
    return _answers(model, frame_of_table(table, model.schema.features))


def trivial_answers(task: Task, trained_on: pa.Table, rows: int) -> Answers:
    """What a baseline says that knows the training labels only: their mean, or their most frequent class and its share."""
    known = targets(trained_on, task)
    if task == "regression":
        return Answers(np.full(rows, float(known.mean())), None)
    values, counts = np.unique(known, return_counts=True)
    share = counts / counts.sum()
    place = int(share.argmax())
    positive = positive_label(values.tolist()) if task == "binary" else None
    proba = share[values.tolist().index(positive)] if positive is not None else share[place]
    return Answers(np.full(rows, values[place]), np.full(rows, float(proba)))


def importance(model: NativePredictor, table: pa.Table, rng: np.random.Generator) -> dict[str, float]:
    """By lake column: how much worse the metric that decides becomes where the feature's values are shuffled; never below 0.

    Rows are drawn where there are more than 5,000.
    """
    if len(table) > _IMPORTANCE_ROWS:
        table = table.take(pa.array(np.sort(rng.choice(len(table), _IMPORTANCE_ROWS, replace=False))))
    task = model.schema.task
    frame, true = frame_of_table(table, model.schema.features), targets(table, task)
    sign = -1.0 if PRIMARY[task] == "mae" else 1.0
    once = np.ones((1, len(table)))
    whole = float(measure(task, true, _answers(model, frame), once)[0])
    found = {}
    for name in frame.columns:
        shuffled = frame.assign(**{name: frame[name].to_numpy()[rng.permutation(len(frame))]})
        worse = sign * (whole - float(measure(task, true, _answers(model, shuffled), once)[0]))
        found[PREFIX + name] = max(0.0, worse) if np.isfinite(worse) else 0.0
    return found


def _answers(model: NativePredictor, frame: Any) -> Answers:
    scores = model.scores_of_frame(frame)
    if model.schema.task == "regression":
        return Answers(scores.reshape(-1).astype(float), None)
    places, proba = model.schema.decided(scores)
    return Answers(np.array(model.schema.classes)[places], proba)
