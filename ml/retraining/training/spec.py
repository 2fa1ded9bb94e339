"""Settings and result of a training.

The training itself does not belong here; it is in `train.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from guard_core.project_settings.section import ProjectSettingsError

from guard_core.project_settings.checks import Check, CheckedSettings, between, choice, text, texts, whole
from ml.retraining.predictor.schema import ModelSchema

if TYPE_CHECKING:
    import pandas as pd

ALGORITHMS = ("gradient_boosting", "linear")


def _algorithms(value: object, path: str) -> tuple[str, ...]:
    names = texts(value, path)
    if not names:
        raise ProjectSettingsError(f"{path}: must name at least one of {', '.join(ALGORITHMS)}")
    return tuple(choice(name, ALGORITHMS, f"{path}[{index}]") for index, name in enumerate(names))


def _builder(value: object, path: str) -> str | None:
    if value is not None and ":" not in text(value, path):
        raise ProjectSettingsError(f'{path}: must be "module:function", got {value!r}')
    return None if value is None else str(value)


_CHECKS: Mapping[str, Check] = {
    "algorithms": _algorithms,
    "builder": _builder,
    "folds": whole(1, 20),
    "min_rows": whole(20),
    "search_rows": whole(100),
    "window_days": whole(1),
    "max_rows": whole(100),
    "holdout_days": whole(1),
    "holdout_rows": whole(20),
    "baseline_days": whole(1),
    "max_categories": whole(2),
    "exclude": texts,
    "threshold": between(0.0, 1.0),
}


class TrainingError(Exception):
    """The rows are not sufficient for a training; the message states what is missing."""


@dataclass(frozen=True)
class TrainingSpec(CheckedSettings):
    """Settings of a training.

    Attributes
    ----------
    algorithms : algorithms of the candidates.
    builder : "module:function" replaces them by a custom model: the function receives the learned ModelSchema and returns an
        unfitted scikit-learn estimator that reads a data frame of the raw features.
    folds : pieces of the newer half of the rows, in time, that candidates are validated on.
    min_rows : labelled rows below which training fails.
    search_rows : number of newest rows that candidates are compared on; the best is fitted on all rows.
    window_days : days before the flag whose rows are used. max_rows : maximum of labelled rows, the newest of them.
    holdout_days, holdout_rows : the newest days are held out for the promotion rule: so many, and more until they have so many
        labelled rows, but never more than half of the rows.
    baseline_days : the newest days (at least the held-out ones) whose rows, scored by a new champion, are its baseline.
    max_categories : a categorical feature with more values is taken for an id and left out.
    exclude : features that the model must not read.
    threshold : probability from which a binary model predicts the positive class.
    """

    CHECKS: ClassVar[Mapping[str, Check]] = _CHECKS

    algorithms: tuple[str, ...] = ALGORITHMS
    builder: str | None = None
    folds: int = 3
    min_rows: int = 200
    search_rows: int = 50_000
    window_days: int = 365
    max_rows: int = 2_000_000
    holdout_days: int = 7
    holdout_rows: int = 500
    baseline_days: int = 28
    max_categories: int = 10_000
    exclude: tuple[str, ...] = ()
    threshold: float = 0.5


@dataclass(frozen=True)
class Trained:
    """A fitted pipeline, its schema, the score of each candidate, and a sample of raw rows to check other formats on.

    `scores` are of `metric` (higher is better for ROC AUC, lower for log loss and MAE), by candidate.
    """

    pipeline: Any
    schema: ModelSchema
    algorithm: str
    metric: str
    scores: Mapping[str, float]
    rows: int
    seconds: float
    seed: int
    left_out: Mapping[str, str]
    sample: "pd.DataFrame" = field(repr=False)
