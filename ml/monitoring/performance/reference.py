"""Performance in the window of a baseline, as JSON, by which later days are estimated and compared.

Fitting calibrators and error models and measuring its days belong here; estimating does not.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ml.monitoring.performance.bootstrap import Floats
from ml.monitoring.performance.calibration import fit_calibrator
from ml.monitoring.performance.day_comparison import DayValue
from ml.monitoring.performance.estimated import estimated
from ml.monitoring.performance.labels import as_labels, as_numbers, label_key
from ml.monitoring.performance.realised import as_probabilities, positive_among, realised
from ml.monitoring.performance.regression import error_terms
from ml.monitoring.performance.tasks import Target, is_numeric

MIN_ROWS = 100
ERROR_BINS = 20

Columns: TypeAlias = tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike | None]


def reference_of(
    target: Target,
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    y_proba: npt.ArrayLike | None,
    rng: np.random.Generator,
) -> dict[str, object]:
    """Compute realised metrics of the reference, and fit the models for estimates, as data for JSON.

    Parameters
    ----------
    target : from `ml.monitoring.performance.tasks.target_of`.
    y_true, y_pred, y_proba : as in `ml.monitoring.performance.realised.realised`.
    rng : draws resamples.

    Returns
    -------
    The result of `realised`, with `positive`, `calibrator` (classes) and `errors` (numbers: mean and standard
    deviation of the errors by quantile bin of the prediction); null with fewer than 100 usable rows.
    """
    task = target.task
    reference: dict[str, object] = realised(task, y_true, y_pred, y_proba, rng=rng, positive=target.positive)
    reference |= {"positive": None, "calibrator": None, "errors": None}
    if is_numeric(task):
        return reference | {"errors": _error_model(as_numbers(y_true), as_numbers(y_pred))}
    labels, guesses = as_labels(y_true), as_labels(y_pred)
    proba = as_probabilities(y_proba, len(labels))
    usable = np.isfinite(proba) & np.array([label is not None for label in labels], bool)
    if task == "binary":
        key = label_key(target.positive) or positive_among(labels, guesses)
        reference["positive"] = target.positive or key
        hits = labels == key
    else:
        usable &= np.array([guess is not None for guess in guesses], bool)
        hits = labels == guesses
    if usable.sum() >= MIN_ROWS:
        reference["calibrator"] = fit_calibrator(proba[usable], hits[usable].astype(np.float64), rng)
    return reference


def measure_days(reference: Mapping[str, Any], days: Mapping[str, Columns]) -> list[dict[str, object]]:
    """Measure each day of a reference by itself, for comparisons of days.

    Parameters
    ----------
    reference : from `reference_of`.
    days : `y_true`, `y_pred` and `y_proba` of the reference's rows, by day.

    Returns
    -------
    Of each `day` its `n` rows and the values of its metrics by name, `realised` and `estimated`; oldest first. They
    are kept as `days` of the reference.
    """
    task, positive = reference["task"], reference["positive"]
    rng = np.random.default_rng(0)  # without intervals, nothing is drawn
    entries: list[dict[str, object]] = []
    for day, columns in sorted(days.items()):
        measured: dict[str, Any] = realised(task, *columns, rng=rng, positive=positive, intervals=False)
        expected: dict[str, Any] = estimated(task, reference, *columns[1:])
        values = {
            kind: {name: metric["value"] for name, metric in part["metrics"].items()}
            for kind, part in (("realised", measured), ("estimated", expected))
        }
        entries.append({"day": day, "n": measured["n"], **values})
    return entries


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


def _error_model(true: Floats, predicted: Floats) -> dict[str, object] | None:
    both = np.isfinite(true) & np.isfinite(predicted)
    if both.sum() < MIN_ROWS:
        return None
    true, predicted = true[both], predicted[both]
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
