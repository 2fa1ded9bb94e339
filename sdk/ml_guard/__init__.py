"""The client library of ML Guard. Import from here; the modules below are internal.

- `client`: the blocking and the asynchronous client
- `errors`: errors of requests
- `exchange`: one request with its retries, without transport
- `operations`: operations of the API, shared by both clients
- `results`: results of sending events and labels
- `shapes`: events and labels
"""

from ml_guard.client import AsyncMLGuardClient, MLGuardClient
from ml_guard.errors import ApiError, ConnectionFailedError, MLGuardError
from ml_guard.results import BatchResult, EventResult, RowError
from ml_guard.shapes import Event, Label

__all__ = [
    "ApiError",
    "AsyncMLGuardClient",
    "BatchResult",
    "ConnectionFailedError",
    "Event",
    "EventResult",
    "Label",
    "MLGuardClient",
    "MLGuardError",
    "RowError",
]
