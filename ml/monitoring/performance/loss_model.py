"""Direct loss estimation: the error of a prediction, learned from the features and the prediction by gradient boosting.

Learning and applying losses belong here; metrics of them are in `regression`, the data for the fit in `reference`.
"""

import base64
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.environment import set_library_defaults
from ml.monitoring.performance.bootstrap import Floats
from ml.monitoring.performance.labels import as_numbers
from ml.onnx_models import convert_to_onnx, open_session

Features: TypeAlias = Mapping[str, npt.ArrayLike]
FOLDS = 5
MAX_ROWS = 20_000
"""Rows beyond which a loss model is fitted on a sample."""
_MAX_CATEGORIES = 255
_MIN_ROWS = 500
_ITERATIONS = 100
_LEAVES = 15
_TINY = 1e-12


def fit_losses(
    losses: Floats, predicted: Floats, features: Features, rng: np.random.Generator
) -> dict[str, Any] | None:
    r"""Fit direct loss estimation [1]_: models of each row's losses given its features and its prediction.

    Each loss is learned by gradient boosting of regression trees, which read missing values as such and categories as ranks by
    their mean loss. There is one model for each of G folds, fitted on the rows of the others: the loss of a row is their mean,
    plus the mean residual of the rows of each fold, which boosting has not seen. The variance of a row's loss is taken to be
    proportional to the square of its mean, as of errors that differ in scale only: :math:`\sigma^2(x) = c\,\hat\ell(x)^2` with
    :math:`c = \sum (\ell_i - m_i)^2 / \sum m_i^2` over losses :math:`m_i` predicted out of fold.

    Parameters
    ----------
    losses : (n, t) losses of each row. predicted : (n,) predictions.
    features : (n,) numbers or text by name. rng : draws folds, and a sample if there are more than `MAX_ROWS` rows.

    Returns
    -------
    As data for JSON: `models` from `fit_trees`, one a fold, and `losses`: of each its `scale`, `residual` and `dispersion` (c).
    None with fewer than 500 rows or without features.

    References
    ----------
    .. [1] NannyML. Direct loss estimation (DLE). https://nannyml.readthedocs.io/en/stable/how_it_works/performance_estimation.html

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> noise = rng.uniform(1, 3, 5000)
    >>> losses = np.abs(noise * rng.normal(size=5000))[:, None]
    >>> model = fit_losses(losses, np.zeros(5000), {"noise": noise}, rng)
    >>> rows = rng.uniform(2.5, 3, 500)
    >>> mean, _ = expected_losses(model, np.zeros(500), {"noise": rows}, rng, 1)
    >>> bool(abs(mean[0] / (2.75 * np.sqrt(2 / np.pi)) - 1) < 0.05)
    True
    """
    if len(losses) < _MIN_ROWS or not features:
        return None
    if len(losses) > MAX_ROWS:
        sample = rng.permutation(len(losses)) < MAX_ROWS
        losses, predicted, features = losses[sample], predicted[sample], choose_rows(features, sample)
    scale = np.maximum(losses.mean(axis=0), _TINY)
    held_out = np.empty_like(losses)
    folds = rng.permutation(len(losses)) % FOLDS
    models = []
    for fold in range(FOLDS):
        held = folds == fold
        models.append(fit_trees(losses[~held] / scale, predicted[~held], choose_rows(features, ~held)))
        held_out[held] = _predict(models[-1], predicted[held], choose_rows(features, held)) * scale
    residual = losses - held_out
    dispersion = (residual**2).sum(axis=0) / np.maximum((held_out**2).sum(axis=0), _TINY)
    columns = {"scale": scale, "residual": residual.mean(axis=0), "dispersion": dispersion}
    calibration = [dict(zip(columns, map(float, row), strict=True)) for row in zip(*columns.values(), strict=True)]
    return {"models": models, "losses": calibration}


def fit_trees(scaled: Floats, predicted: Floats, features: Features) -> dict[str, Any]:
    """Fit gradient boosting to (n, t) losses whose mean is about 1.

    Returns
    -------
    `columns` (of each feature its categories in the order of their mean loss; null for a number) and `trees` (base64 of
    deflated ONNX).
    """
    set_library_defaults()
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.multioutput import MultiOutputRegressor
    from threadpoolctl import threadpool_limits

    columns = {name: _rank_categories(np.asarray(values), scaled[:, 0]) for name, values in features.items()}
    regressor = HistGradientBoostingRegressor(
        max_iter=_ITERATIONS, max_leaf_nodes=_LEAVES, early_stopping=False, random_state=0
    )
    # Threads that wait for each other cost more than they save on trees this small.
    with threadpool_limits(1):
        model = MultiOutputRegressor(regressor).fit(_matrix(columns, predicted, features), scaled)
    trees = base64.b64encode(zlib.compress(convert_to_onnx(model, len(columns) + 1))).decode()
    return {"columns": columns, "trees": trees}


def expected_losses(
    model: Mapping[str, Any], predicted: Floats, features: Features, rng: np.random.Generator, draws: int
) -> tuple[Floats, Floats]:
    r"""Return the expected means of losses over n rows, (t,), and draws of the means that their labels will show, (draws, t).

    The variance of a mean is that of the rows, :math:`c \sum \hat\ell(x_i)^2 / n^2`, plus that of the models, by the jackknife [1]_
    over their G means :math:`\theta_g`:

    .. math:: \frac{G - 1}{G} \sum_g (\theta_g - \bar\theta)^2.

    Parameters
    ----------
    model : from `fit_losses`.

    References
    ----------
    .. [1] Miller, R. G. (1974). The jackknife - a review. Biometrika 61(1), 1-15.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> model = fit_losses(np.ones((500, 1)), np.zeros(500), {"x": np.zeros(500)}, rng)
    >>> mean, drawn = expected_losses(model, np.zeros(9), {"x": np.zeros(9)}, rng, 2)
    >>> mean.round(6), drawn.round(6).tolist()
    (array([1.]), [[1.0], [1.0]])
    """
    scale, residual, dispersion = (
        np.array([loss[name] for loss in model["losses"]]) for name in ("scale", "residual", "dispersion")
    )
    by_model = scale * np.stack([_predict(part, predicted, features) for part in model["models"]])
    rows = np.maximum(by_model.mean(axis=0) + residual, 0)
    of_models = by_model.mean(axis=1).var(axis=0) * (len(by_model) - 1)
    variance = dispersion * (rows**2).sum(axis=0) / len(rows) ** 2 + of_models
    means = rows.mean(axis=0)
    return means, np.column_stack([_draw_gamma(*loss, rng, draws) for loss in zip(means, variance, strict=True)])


def _predict(model: Mapping[str, Any], predicted: Floats, features: Features) -> Floats:
    """Return what trees predict: (n, t)."""
    matrix = _matrix(model["columns"], predicted, features)
    result = _session(model["trees"]).run(None, {"X": matrix})[0]
    return np.asarray(result, np.float64).reshape(len(matrix), -1)


def feature_values(rows: pa.Table, kinds: Mapping[str, str]) -> dict[str, npt.NDArray[Any]]:
    """Return columns of a table by name, numbers as floats and categories as text; free text and absent ones are left out.

    Parameters
    ----------
    kinds : kinds of columns by name (`ml.monitoring.kinds`).

    Examples
    --------
    >>> feature_values(pa.table({"x": [1, None], "y": ["a", None]}), {"x": "numeric", "y": "categorical", "z": "numeric"})
    {'x': array([ 1., nan]), 'y': array(['a', None], dtype=object)}
    """
    present = {name: kind for name, kind in kinds.items() if name in rows.column_names and kind != "text"}
    values: dict[str, npt.NDArray[Any]] = {}
    for name, kind in present.items():
        column = rows.column(name)
        if kind == "numeric":
            values[name] = as_numbers(column.to_numpy())
        else:
            values[name] = column.cast(pa.string()).to_numpy().astype(object)
    return values


def choose_rows(features: Features, rows: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[Any]]:
    """Return the values of the rows that are marked."""
    return {name: np.asarray(values)[rows] for name, values in features.items()}


def _draw_gamma(mean: float, variance: float, rng: np.random.Generator, draws: int) -> Floats:
    """Draw from a gamma distribution: means of losses are skewed, and never negative."""
    if mean <= 0 or variance <= _TINY * mean**2:
        return np.full(draws, mean)
    return rng.gamma(mean**2 / variance, variance / mean, draws)


def _rank_categories(values: npt.NDArray[Any], loss: Floats) -> list[str] | None:
    """Return categories in the order of their mean loss, the most frequent ones if there are too many; None for numbers."""
    if values.dtype.kind in "fiub":
        return None
    texts = np.array(["" if value is None else str(value) for value in values])
    categories, position = np.unique(texts, return_inverse=True)
    counts = np.bincount(position)
    frequent = np.argsort(-counts, kind="stable")[:_MAX_CATEGORIES]
    means = np.bincount(position, weights=loss) / counts
    return [str(categories[at]) for at in frequent[np.argsort(means[frequent], kind="stable")] if categories[at]]


def _matrix(columns: Mapping[str, list[str] | None], predicted: Floats, features: Features) -> npt.NDArray[np.float32]:
    """Encode rows: the prediction, then numbers and ranks of categories; NaN where they are missing or new."""
    encoded = [predicted]
    for name, categories in columns.items():
        if name not in features:
            encoded.append(np.full(predicted.size, np.nan))
        elif categories is None:
            encoded.append(as_numbers(features[name]))
        else:
            ranks = {category: float(rank) for rank, category in enumerate(categories)}
            encoded.append(np.array([ranks.get(str(value), np.nan) for value in np.asarray(features[name])]))
    matrix = np.column_stack(encoded)
    # Single precision is that of ONNX; what it cannot hold is missing.
    return np.where(np.abs(matrix) < np.finfo(np.float32).max, matrix, np.nan).astype(np.float32)


@lru_cache(maxsize=32)
def _session(trees: str) -> Any:
    return open_session(zlib.decompress(base64.b64decode(trees)))
