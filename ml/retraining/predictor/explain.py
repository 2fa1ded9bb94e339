"""Explanation of predictions by Shapley values: how much each feature moves the output from the mean of background rows to that of a row.

Importance of features for a whole model does not belong here; it is in `ml.retraining.training.held_out`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ml.retraining.predictor.frame import frame_of_rows
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.predictor.onnx import OnnxPredictor

if TYPE_CHECKING:
    from ml.retraining.predictor.load import Predictor

METHOD = "shapley"

# Evaluations of the model for one row, about; with many features more, so that each has its pairs of orders.
_EVALUATIONS = 1_500
_MIN_PAIRS = 25
_SEED = 2013
_Row = Mapping[str, Any]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one prediction.

    Attributes
    ----------
    base : mean output of the background rows that were drawn; with all effects it adds up to the output.
    effects : by feature, of the same unit: the probability of the positive or predicted class, or the number.
    """

    base: float
    effects: Mapping[str, float]


class Explainer:
    r"""Estimates the Shapley values of the features of rows [1]_.

    In a random order, one feature after the other of a random background row is replaced by that of the row, and the output
    changes with each. The mean change of a feature over orders is its effect; each order is also taken backwards, which halves
    the error or more [2]_. The orders are always the same, and so is the explanation of a row. A model without background rows
    is compared with one row of typical values.

    References
    ----------
    .. [1] Štrumbelj, E. and Kononenko, I. (2014). Explaining prediction models and individual predictions with feature contributions.
       Knowledge and Information Systems 41, 647-665.
    .. [2] Mitchell, R., Cooper, J., Frank, E. and Holmes, G. (2022). Sampling permutations for Shapley value estimation. JMLR 23.
    """

    def __init__(self, predictor: "Predictor") -> None:
        schema, rng = predictor.schema, np.random.default_rng(_SEED)
        background = predictor.background or [{spec.name: spec.typical for spec in schema.features}]
        self._predictor = predictor
        self._names = [spec.name for spec in (*schema.categorical, *schema.plain)]
        count = len(self._names)
        pairs = max(_MIN_PAIRS, _EVALUATIONS // (2 * (count + 1)))
        orders = np.array([rng.permutation(count) for _ in range(pairs)])
        self._orders = np.concatenate([orders, orders[:, ::-1]])
        self._background_rows = np.repeat(np.tile(_draw(len(background), pairs, rng), 2), count + 1)
        # (order, step, feature): whether the feature has the value of the row after that many steps
        is_of_row = self._orders.argsort(axis=1)[:, None, :] < np.arange(count + 1)[None, :, None]
        self._is_of_row = is_of_row.reshape(-1, count)
        if isinstance(predictor, OnnxPredictor):
            encoded = schema.encode(background)[self._background_rows]
            is_column_of_row = self._is_of_row[:, np.repeat(np.arange(count), schema.widths)]
            self._score = partial(_score_matrix, predictor, encoded, is_column_of_row)
        else:
            frame = frame_of_rows(background, schema).iloc[self._background_rows].reset_index(drop=True)
            is_of_row_by_name = {name: self._is_of_row[:, place] for place, name in enumerate(self._names)}
            self._score = partial(_score_frame, predictor, frame, is_of_row_by_name)

    def explain(self, row: _Row) -> Explanation:
        """Explain the prediction of a row that `schema.check_row` accepts."""
        count = len(self._names)
        outputs = _outputs(self._predictor, row, self._score(row)).reshape(len(self._orders), count + 1)
        effects = np.zeros(count)
        np.add.at(effects, self._orders, np.diff(outputs, axis=1))
        means = (effects / len(self._orders)).tolist()
        return Explanation(float(outputs[:, 0].mean()), dict(zip(self._names, means, strict=True)))


def _draw(rows: int, number: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draw background rows, each equally often."""
    rounds = [rng.permutation(rows) for _ in range(-(-number // rows))]
    return np.concatenate(rounds)[:number]


def _score_matrix(
    predictor: OnnxPredictor, background: npt.NDArray[np.float32], is_of_row: npt.NDArray[np.bool_], row: _Row
) -> Floats:
    """Score (n,) encoded background rows with the row's value where `is_of_row`, (n, columns)."""
    matrix = np.where(is_of_row, predictor.schema.encode([row]), background)
    return np.asarray(predictor.scores_of_matrix(matrix), dtype=float)


def _score_frame(
    predictor: NativePredictor, background: Any, is_of_row: Mapping[str, npt.NDArray[np.bool_]], row: _Row
) -> Floats:
    """Score the same as a data frame; `is_of_row` is by feature."""
    values = frame_of_rows([row], predictor.schema)
    mixtures = {
        name: np.where(is_of_row[name], values[name].to_numpy(), background[name].to_numpy()) for name in background
    }
    return np.asarray(predictor.scores_of_frame(type(background)(mixtures)), dtype=float)


def _outputs(predictor: "Predictor", row: _Row, scores: Floats) -> Floats:
    """Return the numbers that are explained: (n,)."""
    schema = predictor.schema
    if schema.is_numeric:
        return scores.reshape(-1)
    if schema.task == "binary":
        return np.asarray(scores[:, schema.positive_place])
    predicted = schema.decided(np.asarray(predictor.scores([row]), dtype=float))
    return np.asarray(scores[:, int(predicted[0])])
