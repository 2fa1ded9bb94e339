"""Prometheus metrics of requests, and the route that exposes all metrics, of one worker or of several.

Metrics of a domain are declared in the domain; they share the registry.
"""

import os
from pathlib import Path

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from guard_core.settings.server import ServerSettings
from serving.auth.principal import HOW_TO_SEND
from serving.auth.security import authenticate
from serving.http.dependencies import part_of
from serving.http.limits.addresses import is_loopback
from serving.http.problems import Unauthorised
from serving.http.routing import ANYONE

UNKNOWN_ROUTE = "unknown"
_LABELS = ("route", "method", "status")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_requests = Counter("ml_guard_http_requests", "Requests answered, by route template.", _LABELS)
_latency = Histogram(
    "ml_guard_http_request_duration_seconds",
    "Seconds from the request's arrival to the end of its answer.",
    ("route",),
    buckets=_LATENCY_BUCKETS_S,
)
_request_children: dict[tuple[str, str, int], Counter] = {}
_latency_children: dict[str, Histogram] = {}


def observe(route: str, method: str, status: int, seconds: float) -> None:
    """Count a request; labels are bounded, because `route` is the template of a route."""
    key = (route, method, status)
    counter = _request_children.get(key)
    if counter is None:
        known_method = method if method in _METHODS else "other"
        counter = _requests.labels(route, known_method, str(status))
        if known_method == method:  # arbitrary methods must not grow the cache
            _request_children[key] = counter
    counter.inc()
    latency = _latency_children.get(route)
    if latency is None:
        latency = _latency_children[route] = _latency.labels(route)
    latency.observe(seconds)


def render() -> bytes:
    """Return all metrics as Prometheus text: of this process, or of all workers if there are several."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return generate_latest(REGISTRY)
    _forget_dead_workers(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _forget_dead_workers(folder: Path) -> None:
    # A killed worker cannot remove its live gauges itself; its counters must stay.
    for pid in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*_*.db")}:
        if not _is_alive(int(pid)):
            mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


router = APIRouter(tags=["health"])


async def _require_reader(request: Request) -> None:
    server = part_of(request.scope, ServerSettings)
    if is_loopback(server.host) if server.open_metrics is None else server.open_metrics:
        return
    if (await authenticate(request.scope)).key_id is None:
        raise Unauthorised(f"Beyond this machine metrics need a key of any role: {HOW_TO_SEND}.")


@router.get(
    "/metrics",
    openapi_extra=ANYONE,
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
    dependencies=[Depends(_require_reader)],
)
def metrics() -> Response:
    """Return the metrics of all workers as Prometheus text; beyond loopback, a key of any role is needed."""
    return Response(render(), media_type=CONTENT_TYPE_LATEST)
