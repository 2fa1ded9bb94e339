"""What Prometheus reads of predictions; correct with several workers. Labels are bounded."""

from prometheus_client import Counter, Gauge, Histogram

_predictions = Counter(
    "ml_guard_predictions",
    "Predictions, by what became of their events: answered (in the journal), stored, refused (by the database).",
    ["outcome"],
)
_answered, _stored, _refused = (_predictions.labels(outcome) for outcome in ("answered", "stored", "refused"))
_turned_away = Counter("ml_guard_predictions_turned_away", "Rows answered 503, because they could not be recorded.")
_invalid = Counter("ml_guard_predictions_invalid", "Rows answered 422, because their features do not fit the model.")
_seconds = Histogram(
    "ml_guard_predict_seconds",
    "Seconds from the request's body to the answer.",
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5),
)
_journal_bytes = Gauge(
    "ml_guard_prediction_journal_bytes", "Bytes of predictions that wait for the database.", multiprocess_mode="livesum"
)
_registry = Gauge("ml_guard_registry_up", "1 where the registry answered the last look.", multiprocess_mode="livemin")
_models = Gauge("ml_guard_models_serving", "Champions that answer.", multiprocess_mode="livemin")
_stale = Gauge(
    "ml_guard_models_stale",
    "Models whose newest champion cannot be loaded, so that an older version, or none, answers.",
    multiprocess_mode="livemax",
)
_shadow = Counter("ml_guard_shadow_predictions", "Rows that a challenger has scored without answering.")


def answered(rows: int, seconds: float) -> None:
    """Count an answer."""
    _answered.inc(rows)
    _seconds.observe(seconds)


def stored(rows: int, refused: int, waiting_bytes: int) -> None:
    """Count events of predictions that have left the journal."""
    _stored.inc(rows)
    if refused:
        _refused.inc(refused)
    _journal_bytes.set(waiting_bytes)


def waiting(waiting_bytes: int) -> None:
    """Say how much waits."""
    _journal_bytes.set(waiting_bytes)


def turned_away(rows: int) -> None:
    """Count rows that could not be recorded."""
    _turned_away.inc(rows)


def invalid(rows: int) -> None:
    """Count rows that do not fit."""
    _invalid.inc(rows)


def registry_up(*, up: bool) -> None:
    """Say whether the registry answers."""
    _registry.set(1 if up else 0)


def models(*, serving: int, stale: int) -> None:
    """Say how many champions answer, and how many are not the newest."""
    _models.set(serving)
    _stale.set(stale)


def shadowed(rows: int) -> None:
    """Count rows that a challenger has scored."""
    _shadow.inc(rows)
