"""The client library of ML Guard. Import from here; the modules below are internal.

- `background`: the background client, which never keeps its host waiting
- `buffers`: where rows of the background client wait
- `client`: the blocking and the asynchronous client
- `errors`: errors of requests
- `exchange`: one request with its retries, without transport
- `frames`: events from data frames and Arrow tables
- `middleware`: recording of the predictions of ASGI applications
- `model_rows`: rows and predictions of models as features and values
- `operations`: operations of the API, shared by both clients
- `recording`: recording of the predictions of functions and models
- `results`: results of requests
- `shapes`: events and labels
- `spool`: waiting rows on disk
"""

from ml_guard.background import BackgroundClient
from ml_guard.client import AsyncMLGuardClient, MLGuardClient
from ml_guard.errors import ApiError, ConnectionFailedError, DayNotProcessedError, MLGuardError, QueueFullError
from ml_guard.middleware import PredictionMiddleware
from ml_guard.results import BatchResult, DeliveryStats, EventResult, RowError, Rows
from ml_guard.shapes import Event, Label

__all__ = [
    "ApiError",
    "AsyncMLGuardClient",
    "BackgroundClient",
    "BatchResult",
    "ConnectionFailedError",
    "DayNotProcessedError",
    "DeliveryStats",
    "Event",
    "EventResult",
    "Label",
    "MLGuardClient",
    "MLGuardError",
    "PredictionMiddleware",
    "QueueFullError",
    "RowError",
    "Rows",
]
