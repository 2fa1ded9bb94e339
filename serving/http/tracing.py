"""OpenTelemetry traces, if an OTLP endpoint is set: spans of requests, of calls of language models, and of their steps.

Names follow the semantic conventions. A span never contains a prompt, an answer or a passage.
"""

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from starlette.types import Scope

from guard_core.settings import Settings, SettingsError

if TYPE_CHECKING:  # the optional extra `tracing`
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import Tracer

Value: TypeAlias = str | bool | int | float | Sequence[str]
Kind = Literal["internal", "client"]
REQUEST_ID: Final = "ml_guard.request_id"
_MODULE: Final = "opentelemetry.exporter.otlp.proto.http"


class Span:
    """A span, or a no-op if tracing is off."""

    __slots__ = ("_span",)

    def __init__(self, span: "OtelSpan | None") -> None:
        self._span = span

    def set(self, attributes: Mapping[str, Value | None]) -> None:
        """Set attributes; those that are None are omitted."""
        if self._span is not None:
            self._span.set_attributes({name: value for name, value in attributes.items() if value is not None})

    def event(self, name: str) -> None:
        """Add an event at the current time."""
        if self._span is not None:
            self._span.add_event(name)

    def fail(self, error_type: str) -> None:
        """Mark the span as failed; the type is a class or a code, never a message, which may contain user data."""
        if self._span is not None:
            from opentelemetry.trace import StatusCode

            self._span.set_attribute("error.type", error_type)
            self._span.set_status(StatusCode.ERROR)


NO_SPAN: Final = Span(None)
_NO_SPAN: Final = nullcontext(NO_SPAN)


class _State:
    """The tracer of this process, between `start` and `stop`."""

    provider: "TracerProvider | None" = None
    tracer: "Tracer | None" = None


_state = _State()


def check(settings: Settings) -> None:
    """Check at start-up that the packages for traces are installed if they are needed.

    Raises
    ------
    SettingsError
        If an endpoint is set and the packages are not installed.
    """
    if settings.server.otlp_endpoint is not None and not _is_installed():
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set and the packages for traces are not installed: pip install 'ml-guard[tracing]'"
        )


def start(settings: Settings) -> None:
    """Start tracing, if an endpoint is set."""
    if settings.server.otlp_endpoint is None:
        return
    check(settings)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource({SERVICE_NAME: "ml-guard"}).merge(OTELResourceDetector().detect())
    _state.provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=settings.server.otlp_endpoint.rstrip("/") + "/v1/traces")
    _state.provider.add_span_processor(BatchSpanProcessor(exporter))
    _state.tracer = _state.provider.get_tracer("ml_guard")


def stop() -> None:
    """Export the remaining spans and stop tracing; blocks until the receiver has answered."""
    provider, _state.provider, _state.tracer = _state.provider, None, None
    if provider is not None:
        provider.shutdown()


def span(
    name: str, attributes: Mapping[str, Value | None] | None = None, *, kind: Kind = "internal"
) -> AbstractContextManager[Span]:
    """Open a span inside the current one for the duration of a block; an exception marks it as failed.

    Examples
    --------
    >>> with span("retrieve", {"gen_ai.operation.name": "retrieval"}) as current:
    ...     current.set({"ml_guard.passages": 4})
    """
    # The no-op tracer of OpenTelemetry's API costs a call of a language model 69 us in total, this guard 6 us (timeit).
    return _NO_SPAN if _state.tracer is None else _record(_state.tracer, name, attributes or {}, kind)


@contextmanager
def _record(tracer: "Tracer", name: str, attributes: Mapping[str, Value | None], kind: Kind) -> Iterator[Span]:
    from opentelemetry.trace import SpanKind, use_span

    otel_span = tracer.start_span(name, kind=SpanKind.CLIENT if kind == "client" else SpanKind.INTERNAL)
    current = Span(otel_span)
    current.set(attributes)
    with use_span(otel_span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield current
        except Exception as error:
            current.fail(type(error).__name__)
            raise


class RequestSpan:
    """The span of a request, which continues the trace of the caller."""

    def __init__(self, tracer: "Tracer", scope: Scope) -> None:
        from opentelemetry import context, trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {
            str(name, "latin-1"): str(value, "latin-1") for name, value in scope["headers"] if name in _TRACE_HEADERS
        }
        parent = TraceContextTextMapPropagator().extract(carrier)
        self._span = tracer.start_span(scope["method"], parent, kind=trace.SpanKind.SERVER)
        self._context = context
        self._token = context.attach(trace.set_span_in_context(self._span, parent))

    def end(self, scope: Scope, route: str, status: int, request_id: str) -> None:
        """Set the attributes of the answered request, and end the span."""
        span = Span(self._span)
        self._span.update_name(f"{scope['method']} {route}")
        span.set(
            {
                "http.request.method": scope["method"],
                "http.route": route,
                "http.response.status_code": status,
                "url.scheme": scope.get("scheme"),
                REQUEST_ID: request_id,
            }
        )
        if status >= 500:
            span.fail(str(status))
        self._context.detach(self._token)
        self._span.end()


_TRACE_HEADERS: Final = frozenset({b"traceparent", b"tracestate"})


def start_request_span(scope: Scope) -> RequestSpan | None:
    """Start the span of a request; None if tracing is off."""
    return None if _state.tracer is None else RequestSpan(_state.tracer, scope)


def headers() -> dict[str, str]:
    """Return the headers with which an upstream server continues the trace."""
    carrier: dict[str, str] = {}
    if _state.tracer is not None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(carrier)
    return carrier


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec(_MODULE) is not None
    except ModuleNotFoundError:
        return False
