"""Validation of candidates on later rows than they are fitted on, and the choice among them.

The candidates do not belong here; they are in `candidates.py`.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.monitoring.performance.labels import MIN_CLASS_ROWS
from ml.monitoring.performance.tasks import Task
from ml.retraining.predictor.schema import ModelSchema
from ml.retraining.training.candidates import LINEAR
from ml.retraining.training.thresholds import ValidatedAnswers
from ml.retraining.training.trained import TrainingError

METRICS: Mapping[Task, str] = {"binary": "roc_auc", "multiclass": "log_loss", "ordinal": "mae", "regression": "mae"}
_SMALLEST_PROBABILITY = 1e-6
Floats = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Validation:
    """The validation of a candidate.

    Attributes
    ----------
    score : mean of the metric of the task over the folds.
    losses : (n,) log loss, or absolute error, of each validated row.
    answers : to the same rows, of a binary model; None of others.
    """

    score: float
    losses: Floats
    answers: ValidatedAnswers | None = None


def validate(build: Callable[[], Any], frame: Any, target: Any, schema: ModelSchema, folds: int) -> Validation:
    """Fit a candidate to the rows before each fold, and score it on the fold.

    Parameters
    ----------
    frame, target : (n,) rows in the order of time, and their labels.

    Raises
    ------
    TrainingError
        If no fold can be scored.
    """
    parts = list(_fold_parts(build, frame, target, schema, folds))
    if not parts:
        raise TrainingError("No fold in time has two classes both before and after it: more labelled rows are needed")
    answers = [part.answers for part in parts if part.answers is not None]
    return Validation(
        float(np.mean([part.score for part in parts])),
        np.concatenate([part.losses for part in parts]),
        ValidatedAnswers.join(answers) if answers else None,
    )


def choose(validations: Mapping[str, Validation], task: Task) -> str:
    """Return the candidate with the best score, or the linear one unless the best has surely smaller losses.

    Surely means by more than the standard error of the mean of their differences: on few rows the best of several scores is often
    the luckiest one [1]_.

    References
    ----------
    .. [1] Breiman, L., Friedman, J. H., Olshen, R. A. and Stone, C. J. (1984). Classification and regression trees, section 3.4.3.

    Examples
    --------
    >>> losses = np.array([0.4, 0.6, 0.5, 0.7])
    >>> linear, lucky = Validation(0.80, losses), Validation(0.81, losses + np.array([0.1, -0.1, 0.1, -0.2]))
    >>> choose({"linear": linear, "gradient_boosting": lucky}, "binary")
    'linear'
    >>> choose({"linear": linear, "gradient_boosting": Validation(0.84, losses - 0.1)}, "binary")
    'gradient_boosting'
    """
    best = (max if METRICS[task] == "roc_auc" else min)(validations, key=lambda name: validations[name].score)
    if LINEAR not in validations:
        return best
    gains = validations[LINEAR].losses - validations[best].losses
    error = float(gains.std(ddof=1)) / np.sqrt(len(gains)) if len(gains) > 1 else np.inf
    return best if float(gains.mean()) > error else LINEAR


def _fold_parts(
    build: Callable[[], Any], frame: Any, target: Any, schema: ModelSchema, folds: int
) -> Iterator[Validation]:
    """Yield the validation of each fold that can be scored."""
    from sklearn.metrics import log_loss, roc_auc_score

    for past, future in _folds_in_time(len(target), folds):
        if not schema.is_numeric:
            past, future = _known_classes(target, past, future)  # noqa: PLW2901 - the fold without classes that are too new
            if len(np.unique(target[past])) < 2 or len(np.unique(target[future])) < 2:
                continue
        model = build().fit(frame.iloc[past], target[past])
        true = target[future]
        if schema.is_numeric:
            errors = np.abs(true - schema.numbers(model.predict(frame.iloc[future])))
            yield Validation(float(errors.mean()), errors)
            continue
        probabilities, classes = model.predict_proba(frame.iloc[future]), np.asarray(model.classes_)
        of_label = probabilities[np.arange(len(true)), np.searchsorted(classes, true)]
        losses = -np.log(np.clip(of_label, _SMALLEST_PROBABILITY, None))
        if schema.task == "binary":
            positive = list(classes).index(schema.positive_label)
            answers = ValidatedAnswers(true == schema.positive_label, probabilities[:, positive])
            yield Validation(float(roc_auc_score(answers.positive, answers.probability)), losses, answers)
        else:
            yield Validation(float(log_loss(true, probabilities, labels=classes)), losses)


def _known_classes(target: Any, past: _Rows, future: _Rows) -> tuple[_Rows, _Rows]:
    """Keep the rows of a fold whose class has enough rows in its past: a class may have begun later."""
    classes, rows = np.unique(target[past], return_counts=True)
    known = classes[rows >= MIN_CLASS_ROWS]
    return past[np.isin(target[past], known)], future[np.isin(target[future], known)]


def _folds_in_time(rows: int, folds: int) -> Iterator[tuple[_Rows, _Rows]]:
    # The older half is always in the fit; the newer half is divided into the folds.
    edges = np.linspace(rows // 2, rows, folds + 1).astype(int)
    for begin, end in itertools.pairwise(edges):
        yield np.arange(begin), np.arange(begin, end)
