"""Prometheus metrics of predictions; correct with several workers. Labels are bounded."""

from prometheus_client import Counter, Gauge, Histogram

_predictions = Counter(
    "ml_guard_predictions",
    "Predictions, by the state of their events: answered (in the journal), stored, refused (by the database).",
    ["outcome"],
)
_answered, _stored, _refused = (_predictions.labels(outcome) for outcome in ("answered", "stored", "refused"))
_unrecorded = Counter("ml_guard_predictions_turned_away", "Rows answered 503, because they could not be recorded.")
_invalid = Counter("ml_guard_predictions_invalid", "Rows answered 422, because their features do not fit the model.")
_seconds = Histogram(
    "ml_guard_predict_seconds",
    "Seconds from the body of a request to its answer.",
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5),
)
_journal_bytes = Gauge(
    "ml_guard_prediction_journal_bytes", "Bytes of predictions that wait for the database.", multiprocess_mode="livesum"
)
_registry = Gauge("ml_guard_registry_up", "1 if the registry answered the last poll.", multiprocess_mode="livemin")
_models = Gauge("ml_guard_models_serving", "Champions in service.", multiprocess_mode="livemin")
_stale = Gauge(
    "ml_guard_models_stale",
    "Models whose newest champion cannot be loaded, so that an older version, or none, is in service.",
    multiprocess_mode="livemax",
)
_shadow = Counter("ml_guard_shadow_predictions", "Rows scored by a challenger in shadow.")


def count_answers(rows: int, seconds: float) -> None:
    """Count the predictions of a request."""
    _answered.inc(rows)
    _seconds.observe(seconds)


def count_stored(rows: int, refused: int, waiting_bytes: int) -> None:
    """Count events that have left the journal: stored, or refused by the database."""
    _stored.inc(rows)
    if refused:
        _refused.inc(refused)
    _journal_bytes.set(waiting_bytes)


def set_journal_bytes(waiting_bytes: int) -> None:
    """Set the bytes that wait in the journal."""
    _journal_bytes.set(waiting_bytes)


def count_unrecorded(rows: int) -> None:
    """Count rows that were not answered because they could not be recorded."""
    _unrecorded.inc(rows)


def count_invalid(rows: int) -> None:
    """Count rows whose features do not fit the model."""
    _invalid.inc(rows)


def set_registry_up(*, up: bool) -> None:
    """Set whether the registry answered the last poll."""
    _registry.set(1 if up else 0)


def set_models(*, serving: int, stale: int) -> None:
    """Set the number of champions in service, and of models whose newest champion is not."""
    _models.set(serving)
    _stale.set(stale)


def count_shadow(rows: int) -> None:
    """Count rows scored by a challenger."""
    _shadow.inc(rows)
