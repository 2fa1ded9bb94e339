"""What came out of a training, or why nothing did. How it trains is in the neighbouring modules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml.retraining.predictor.schema import ModelSchema

if TYPE_CHECKING:
    import pandas as pd


class TrainingError(Exception):
    """The rows are not sufficient for a training; the message states what is missing."""


@dataclass(frozen=True)
class Trained:
    """A fitted pipeline, its schema, the score of each candidate, and a sample of raw rows to check other formats on.

    `left_out` are features with the reason, `rare_labels` labels with the rows that were too few for a class.
    `types` are those that skops loads only if they are named.
    `threshold_reason` describes how the threshold of a binary model was found; empty for others.
    `scores` are of `metric` (higher is better for ROC AUC, lower for log loss and MAE), by candidate.
    """

    pipeline: Any
    types: Sequence[str]
    schema: ModelSchema
    algorithm: str
    metric: str
    scores: Mapping[str, float]
    rows: int
    seconds: float
    seed: int
    left_out: Mapping[str, str]
    rare_labels: Mapping[str, int]
    sample: "pd.DataFrame" = field(repr=False)
    threshold_reason: str = ""
