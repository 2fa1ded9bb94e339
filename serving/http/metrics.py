"""Prometheus metrics of requests.

Metrics of a domain are declared in the domain; they share the registry. The route is `serving.health.metrics.endpoints`.
"""

from prometheus_client import Counter, Histogram

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
