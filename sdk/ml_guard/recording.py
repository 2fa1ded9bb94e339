"""Recording of predictions where they are made: the decorator of functions and the wrapper of scikit-learn-like models.

The host's result and exceptions pass unchanged; whatever fails in recording is counted by the client.
"""

import functools
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

FeaturesOf = Callable[..., Mapping[str, Any]]
PredictionOf = Callable[[Any], Any]


class Recorder(Protocol):
    """What takes the events."""

    def ingest(self, event: Mapping[str, Any] | None = None, /, **fields: Any) -> str | None:
        """Queue an event."""

    def count_failure(self, error: Exception) -> None:
        """Count an event that could not be made."""


def record_prediction(
    recorder: Recorder,
    fields: Mapping[str, Any],
    features: Callable[[], Mapping[str, Any]],
    result: Callable[[], Any],
    prediction: PredictionOf | None,
    latency_ms: float,
) -> None:
    """Make an event of a prediction and queue it; what fails in making it is counted, as the prediction has succeeded."""
    try:
        outcome = result() if prediction is None else prediction(result())
        y_pred, y_proba = outcome if isinstance(outcome, tuple) else (outcome, None)
        event = {**fields, "features": features(), "y_pred": y_pred, "y_proba": y_proba, "latency_ms": latency_ms}
    except Exception as error:  # noqa: BLE001 - of the host's own functions
        recorder.count_failure(error)
    else:
        recorder.ingest(event)


def monitored(
    recorder: Recorder, fields: Mapping[str, Any], features: FeaturesOf | None, prediction: PredictionOf | None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that records each call that returns."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        features_of = features or _arguments_of(function)

        def record(started_at: float, result: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
            latency_ms = (time.perf_counter() - started_at) * 1000
            record_prediction(
                recorder, fields, lambda: features_of(*args, **kwargs), lambda: result, prediction, latency_ms
            )

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            started_at = time.perf_counter()
            result = await function(*args, **kwargs)
            record(started_at, result, args, kwargs)
            return result

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            started_at = time.perf_counter()
            result = function(*args, **kwargs)
            record(started_at, result, args, kwargs)
            return result

        return call_async if inspect.iscoroutinefunction(function) else call

    return decorate


def _arguments_of(function: Callable[..., Any]) -> FeaturesOf:
    signature = inspect.signature(function)

    def features_of(*args: Any, **kwargs: Any) -> Mapping[str, Any]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        features: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            features.update(value if isinstance(value, Mapping) else {name: value})
        return features

    return features_of


class MonitoredModel:
    """A model that records its predictions; all its other attributes are those of the model."""

    def __init__(self, recorder: Recorder, model: Any, fields: Mapping[str, Any]) -> None:
        self._recorder, self._model, self._fields = recorder, model, fields

    def __getattr__(self, name: str) -> Any:
        if name == "_model":  # of a copy that is not initialised yet
            raise AttributeError(name)
        return getattr(self._model, name)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predict, and record each row with its prediction."""
        return self._record(self._model.predict, args, kwargs, lambda value: {"y_pred": value})

    def predict_proba(self, *args: Any, **kwargs: Any) -> Any:
        """Predict probabilities, and record each row with its likeliest class; of two classes, with the second's probability."""
        return self._record(self._model.predict_proba, args, kwargs, self._likeliest)

    def _likeliest(self, probabilities: Any) -> dict[str, Any]:
        values = [float(value) for value in probabilities]
        classes = getattr(self._model, "classes_", range(len(values)))
        y_proba = values[1] if len(values) == 2 else None
        return {"y_pred": classes[max(range(len(values)), key=values.__getitem__)], "y_proba": y_proba}

    def _record(
        self,
        predict: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        outcome_of: Callable[[Any], dict[str, Any]],
    ) -> Any:
        started_at = time.perf_counter()
        predictions = predict(*args, **kwargs)
        latency_ms = (time.perf_counter() - started_at) * 1000
        try:
            rows = args[0] if args else next(iter(kwargs.values()))  # scikit-learn's `X=`
            pairs = list(zip(self._features(rows), _one_a_row(predictions), strict=True))
            for features, prediction in pairs:
                self._recorder.ingest(
                    {**self._fields, "features": features, "latency_ms": latency_ms, **outcome_of(prediction)}
                )
        except Exception as error:  # noqa: BLE001 - the host's call has succeeded
            self._recorder.count_failure(error)
        return predictions

    def _features(self, rows: Any) -> list[dict[str, Any]]:
        if hasattr(rows, "to_dicts"):  # polars
            dicts: list[dict[str, Any]] = rows.to_dicts()
            return dicts
        if hasattr(rows, "to_dict"):  # pandas
            return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]
        if hasattr(rows, "to_pylist"):  # pyarrow
            return list(rows.to_pylist())
        if isinstance(rows, Sequence) and rows and isinstance(rows[0], Mapping):
            return [dict(row) for row in rows]
        names = getattr(self._model, "feature_names_in_", None)
        return [
            {str(name): value for name, value in zip(names if names is not None else _numbered(row), row, strict=True)}
            for row in rows
        ]


def _one_a_row(predictions: Any) -> Any:
    """Return the values of a frame with one column, as MLflow's models predict; iterating over a frame gives its names."""
    if not hasattr(predictions, "columns"):
        return predictions
    if len(predictions.columns) != 1:
        raise ValueError(f"the model predicts a frame of {len(predictions.columns)} columns; one is needed")
    return predictions[predictions.columns[0]]


def _numbered(row: Sequence[Any]) -> list[str]:
    return [f"x{number}" for number in range(len(row))]
