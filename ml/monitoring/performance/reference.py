"""Performance in the window of a baseline, as JSON, by which later days are estimated and compared.

Fitting calibrators and error models and measuring its days belong here; estimating does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from ml.monitoring.performance.bootstrap import CONFIDENCE, Floats
from ml.monitoring.performance.calibration import fit_calibrator
from ml.monitoring.performance.day_comparison import DayValue
from ml.monitoring.performance.estimated import estimated
from ml.monitoring.performance.labels import as_labels, as_numbers, label_key
from ml.monitoring.performance.loss_model import Features, choose_rows, fit_losses, fit_trees
from ml.monitoring.performance.realised import as_probabilities, positive_among, realised
from ml.monitoring.performance.regression import LOSSES, error_terms
from ml.monitoring.performance.tasks import Target, Task, is_numeric

MIN_ROWS = 100
ERROR_BINS = 20
MAX_FOLDS = 10
"""Folds of days; the estimates of a fold come from the days of the others."""

Columns: TypeAlias = tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike | None]


def reference_of(
    target: Target,
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    y_proba: npt.ArrayLike | None,
    rng: np.random.Generator,
    features: Features | None = None,
) -> dict[str, object]:
    """Compute realised metrics of the reference, and fit the models for estimates, as data for JSON.

    Parameters
    ----------
    target : from `ml.monitoring.performance.tasks.target_of`.
    y_true, y_pred, y_proba : as in `ml.monitoring.performance.realised.realised`.
    rng : draws resamples.
    features : (n,) values of each feature by name; a regression without them is estimated from the prediction alone.

    Returns
    -------
    The result of `realised`, with `positive`, `calibrator` (classes), `errors` (numbers: mean and standard deviation of the
    errors by quantile bin of the prediction) and `losses` (numbers: from `loss_model.fit_losses`); null with too few usable rows.
    """
    task = target.task
    reference: dict[str, object] = realised(task, y_true, y_pred, y_proba, rng=rng, positive=target.positive)
    positive = None
    if task == "binary":
        positive = target.positive or positive_among(as_labels(y_true), as_labels(y_pred))
    outcomes = _Outcomes.of(task, positive, (y_true, y_pred, y_proba), features)
    return reference | {"positive": positive} | outcomes.fit(task, rng) | {"losses": outcomes.fit_losses(task, rng)}


def measure_days(
    reference: Mapping[str, Any], days: Mapping[str, Columns], features: Mapping[str, Features] | None = None
) -> list[dict[str, object]]:
    """Measure each day of a reference by itself, for comparisons of days.

    Parameters
    ----------
    reference : from `reference_of`.
    days : `y_true`, `y_pred` and `y_proba` of the reference's rows, by day.
    features : values of each feature by name, by day.

    Returns
    -------
    Of each `day` its `n` rows and the values of its metrics by name: `realised`, `estimated` by models fitted on other days,
    and the `deviations` that those estimates have by chance; oldest first. They are kept as `days` of the reference.
    """
    task, positive = reference["task"], reference["positive"]
    rng = np.random.default_rng(0)
    ordered = sorted(days.items())
    by_day = features or {}
    outcomes = [_Outcomes.of(task, positive, columns, by_day.get(day)) for day, columns in ordered]
    folds = min(len(ordered), MAX_FOLDS)
    models = []
    for fold in range(folds):
        others = _Outcomes.concatenate([part for at, part in enumerate(outcomes) if at % folds != fold])
        models.append(others.fit(task, rng) | {"losses": others.refit_losses(reference.get("losses"))})
    entries: list[dict[str, object]] = []
    for at, (day, columns) in enumerate(ordered):
        measured: dict[str, Any] = realised(task, *columns, rng=rng, positive=positive, intervals=False)
        held_out = {"positive": positive, **models[at % folds]}
        expected: dict[str, Any] = estimated(task, held_out, *columns[1:], features=by_day.get(day))
        values = {
            kind: {name: metric["value"] for name, metric in part["metrics"].items()}
            for kind, part in (("realised", measured), ("estimated", expected))
        }
        deviations = {name: _deviation(metric) for name, metric in expected["metrics"].items()}
        entries.append({"day": day, "n": measured["n"], **values, "deviations": deviations})
    return entries


def _deviation(metric: Mapping[str, Any]) -> float | None:
    """Return the standard deviation that a normal estimate with this band has."""
    if metric["low"] is None:
        return None
    return float((metric["high"] - metric["low"]) / (2 * ndtri((1 + CONFIDENCE) / 2)))


def daily_values(reference: Mapping[str, Any], kind: str, metric: str) -> list[DayValue]:
    """Return the values of a metric by day in a reference, oldest first; none from a reference without daily values.

    Parameters
    ----------
    kind : "realised" or "estimated".

    Examples
    --------
    >>> day = {"day": "2013-01-01", "n": 900, "realised": {"mae": 2.0, "r2": None}, "estimated": {"mae": 2.1}}
    >>> daily_values({"days": [day]}, "realised", "mae"), daily_values({"days": [day]}, "realised", "r2")
    ([DayValue(day='2013-01-01', value=2.0, n=900)], [])
    """
    values = [(day["day"], day[kind].get(metric), day["n"]) for day in reference.get("days", ())]
    return [DayValue(day, value, n) for day, value, n in values if value is not None]


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """What models for estimates are fitted on: what was predicted, and what came of it.

    Attributes
    ----------
    predicted : probabilities of classes, or predicted numbers.
    true : 1 where a class was a hit, else 0; or the true numbers.
    features : values of each feature by name.
    """

    predicted: Floats
    true: Floats
    features: Features

    @classmethod
    def of(cls, task: Task, positive: str | None, columns: Columns, features: Features | None) -> Self:
        """Choose the rows that have both; features matter to numbers only."""
        y_true, y_pred, y_proba = columns
        if is_numeric(task):
            true, predicted = as_numbers(y_true), as_numbers(y_pred)
            usable = np.isfinite(true) & np.isfinite(predicted)
            return cls(predicted[usable], true[usable], choose_rows(features or {}, usable))
        labels, guesses = as_labels(y_true), as_labels(y_pred)
        proba = as_probabilities(y_proba, len(labels))
        usable = np.isfinite(proba) & np.array([label is not None for label in labels], bool)
        hits = labels == label_key(positive)
        if task != "binary":
            usable &= np.array([guess is not None for guess in guesses], bool)
            hits = labels == guesses
        return cls(proba[usable], hits[usable].astype(np.float64), {})

    @classmethod
    def concatenate(cls, parts: Sequence["_Outcomes"]) -> "_Outcomes":
        return _Outcomes(
            np.concatenate([np.empty(0), *(part.predicted for part in parts)]),
            np.concatenate([np.empty(0), *(part.true for part in parts)]),
            _join([part.features for part in parts]),
        )

    def fit(self, task: Task, rng: np.random.Generator) -> dict[str, object]:
        """Fit the model of a task; null with fewer than `MIN_ROWS` rows."""
        models: dict[str, object] = {"calibrator": None, "errors": None}
        if self.true.size < MIN_ROWS:
            return models
        if is_numeric(task):
            return {**models, "errors": _error_model(self.true, self.predicted)}
        return {**models, "calibrator": fit_calibrator(self.predicted, self.true, rng)}

    def fit_losses(self, task: Task, rng: np.random.Generator) -> dict[str, Any] | None:
        """Fit the losses of numbers."""
        return fit_losses(self._losses(), self.predicted, self.features, rng) if is_numeric(task) else None

    def refit_losses(self, losses: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Fit the trees of losses to these rows, and keep their calibration."""
        if not losses or not self.true.size:
            return None
        scale = [loss["scale"] for loss in losses["losses"]]
        return {**losses, "models": [fit_trees(self._losses() / scale, self.predicted, self.features)]}

    def _losses(self) -> Floats:
        return error_terms(self.true, self.predicted)[:, LOSSES]


def _join(parts: Sequence[Features]) -> dict[str, npt.NDArray[Any]]:
    """Concatenate the features that all parts have."""
    names = set.intersection(*(set(part) for part in parts)) if parts else set()
    return {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in sorted(names)}


def _error_model(true: Floats, predicted: Floats) -> dict[str, object]:
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, ERROR_BINS + 1)[1:-1]))
    position = np.searchsorted(edges, predicted, side="right")
    used, position = np.unique(position, return_inverse=True)
    # Drop edges of empty bins, so that each bin has rows.
    edges = edges[used[1:] - 1]
    terms = error_terms(true, predicted)
    terms = np.column_stack([terms, true - predicted])
    rows = np.bincount(position).astype(np.float64)
    means = np.stack([np.bincount(position, weights=term) / rows for term in terms.T])
    squares = np.stack([np.bincount(position, weights=term**2) / rows for term in terms.T])
    deviations = np.sqrt(np.maximum(squares - means**2, 0))
    return {"edges": edges.tolist(), "rows": rows.tolist(), "means": means.tolist(), "deviations": deviations.tolist()}
