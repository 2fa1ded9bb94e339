"""Explanation of predictions by Shapley values: how much each feature moves the output from the mean of background rows to that of a row.

Importance of features for a whole model does not belong here; it is in `ml.retraining.training.held_out`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ml.retraining.predictor.frame import frame_of_rows
from ml.retraining.predictor.onnx import OnnxPredictor

if TYPE_CHECKING:
    from ml.retraining.predictor.load import Predictor

METHOD = "shapley"

# Evaluations of the model for one row, about; with many features more, so that each has its pairs of orders.
_EVALUATIONS = 1_500
_MIN_PAIRS = 25
_SEED = 2013
_Row = Mapping[str, Any]


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


def explain(predictor: "Predictor", row: _Row) -> Explanation:
    r"""Estimate the Shapley values of the features of a row [1]_.

    In a random order, one feature after the other of a random background row (one of typical values if the model has none) is replaced by that of the row, and the output changes
    with each. The mean change of a feature over orders is its effect; each order is also taken backwards, which halves the
    error or more [2]_. The same row always has the same explanation.

    Parameters
    ----------
    row : values that `schema.check_row` accepts.

    References
    ----------
    .. [1] Štrumbelj, E. and Kononenko, I. (2014). Explaining prediction models and individual predictions with feature contributions.
       Knowledge and Information Systems 41, 647-665.
    .. [2] Mitchell, R., Cooper, J., Frank, E. and Holmes, G. (2022). Sampling permutations for Shapley value estimation. JMLR 23.
    """
    background = predictor.background or [{spec.name: spec.typical for spec in predictor.schema.features}]
    names = [spec.name for spec in (*predictor.schema.categorical, *predictor.schema.plain)]
    count, rng = len(names), np.random.default_rng(_SEED)
    pairs = max(_MIN_PAIRS, _EVALUATIONS // (2 * (count + 1)))
    orders = np.array([rng.permutation(count) for _ in range(pairs)])
    orders = np.concatenate([orders, orders[:, ::-1]])
    drawn = np.tile(_drawn(len(background), pairs, rng), 2)
    # (order, step, feature): whether the feature has the value of the row after that many steps
    is_ours = orders.argsort(axis=1)[:, None, :] < np.arange(count + 1)[None, :, None]
    mixed = is_ours.reshape(-1, count)
    scores = _scores(predictor, row, background, np.repeat(drawn, count + 1), mixed, names)
    outputs = _outputs(predictor, row, scores).reshape(len(orders), count + 1)
    effects = np.zeros(count)
    np.add.at(effects, orders, np.diff(outputs, axis=1))
    means = (effects / len(orders)).tolist()
    return Explanation(float(outputs[:, 0].mean()), dict(zip(names, means, strict=True)))


def _drawn(rows: int, number: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draw background rows, each equally often."""
    rounds = [rng.permutation(rows) for _ in range(-(-number // rows))]
    return np.concatenate(rounds)[:number]


def _scores(
    predictor: "Predictor",
    row: _Row,
    background: Sequence[_Row],
    drawn: npt.NDArray[np.intp],
    is_ours: npt.NDArray[np.bool_],
    names: Sequence[str],
) -> npt.NDArray[np.float64]:
    """Score (n,) mixtures of the row and the background rows `drawn`, which have the row's value where `is_ours`, (n, features)."""
    if isinstance(predictor, OnnxPredictor):
        encoded = predictor.schema.encode([row, *background])
        columns = np.repeat(np.arange(len(names)), predictor.schema.widths)
        matrix = np.where(is_ours[:, columns], encoded[0], encoded[1:][drawn])
        return np.asarray(predictor.scores_of_matrix(matrix), dtype=float)
    frame = frame_of_rows([row, *background], predictor.schema)
    places = {name: np.where(is_ours[:, place], 0, 1 + drawn) for place, name in enumerate(names)}
    mixtures = {name: frame[name].to_numpy()[places[name]] for name in frame.columns}
    return np.asarray(predictor.scores_of_frame(type(frame)(mixtures)), dtype=float)


def _outputs(predictor: "Predictor", row: _Row, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the numbers that are explained: (n,)."""
    schema = predictor.schema
    if schema.is_numeric:
        return scores.reshape(-1)
    if schema.task == "binary":
        return np.asarray(scores[:, schema.classes.index(schema.positive_label or schema.classes[1])])
    predicted = schema.decided(np.asarray(predictor.scores([row]), dtype=float))
    return np.asarray(scores[:, int(predicted[0])])
