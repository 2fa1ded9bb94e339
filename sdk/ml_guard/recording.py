"""Recording of predictions where they are made: the decorator of functions and the wrapper of scikit-learn-like models.

The host's result and exceptions pass unchanged; whatever fails in recording is counted by the client.
"""

import functools
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ml_guard.model_rows import feature_rows, prediction_values, rows_argument

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
        y_pred, y_proba = _pair(outcome)
        event = {**fields, "features": features(), "y_pred": y_pred, "y_proba": y_proba, "latency_ms": latency_ms}
    except Exception as error:  # noqa: BLE001 - of the host's own functions
        recorder.count_failure(error)
    else:
        recorder.ingest(event)


def _pair(outcome: Any) -> tuple[Any, Any]:
    if not isinstance(outcome, tuple):
        return outcome, None
    if len(outcome) != 2:
        raise ValueError(
            f"y_pred: a pair of y_pred and y_proba, or one value, is needed, not a tuple of {len(outcome)} values;"
            " name them: monitor(…, prediction=lambda result: (result[0], result[1]))"
        )
    return outcome[0], outcome[1]


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
        return self._record(self._model.predict_proba, args, kwargs, self._likeliest, is_vector=True)

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
        *,
        is_vector: bool = False,
    ) -> Any:
        started_at = time.perf_counter()
        predictions = predict(*args, **kwargs)
        latency_ms = (time.perf_counter() - started_at) * 1000
        try:
            outcomes = prediction_values(predictions, is_vector=is_vector)
            names = getattr(self._model, "feature_names_in_", None)
            rows = feature_rows(rows_argument(predict, args, kwargs), names, outcomes)
            if len(rows) != len(outcomes):
                raise ValueError(f"predictions: {len(outcomes)} of {len(rows)} rows; one a row is needed")  # noqa: TRY301
            events = [
                {**self._fields, "features": features, "latency_ms": latency_ms, **outcome_of(outcome)}
                for features, outcome in zip(rows, outcomes, strict=True)
            ]
        except Exception as error:  # noqa: BLE001 - the host's call has succeeded
            self._recorder.count_failure(error)
        else:
            for event in events:
                self._recorder.ingest(event)
        return predictions
