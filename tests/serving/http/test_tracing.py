"""Traces as a receiver gets them over OTLP: a span for each request and call, linked, named as the conventions say, without any text."""

import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from guard_core.settings import Settings, SettingsError, load_settings
from serving.app import Services
from serving.http import tracing
from tests.support.paths import ROOT
from tests.support.settings import settings_of, with_values
from tests.support.upstream import KEY, Upstream, running

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SECRET_TEXT = "the codeword is heliotrope"


class Receiver:
    """An OTLP/HTTP receiver."""

    def __init__(self) -> None:
        self.url = ""
        self.raw = b""
        self.spans: list[Any] = []
        self.services: set[str] = set()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip":
            raise AssertionError("aiohttp has decompressed it")
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {a.value.string_value for a in resource.resource.attributes if a.key == "service.name"}
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response(body=b"", content_type="application/x-protobuf")

    def named(self, name: str) -> tuple[Any, dict[str, Any]]:
        """A span and its attributes."""
        (span,) = [one for one in self.spans if one.name == name]
        return span, {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/v1/traces", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A server of language models."""
    async with running(Upstream()) as upstream:
        yield upstream


@pytest.fixture
def settings(settings: Settings, receiver: Receiver, upstream: Upstream) -> Settings:
    """Settings with both."""
    from pydantic import SecretStr

    return with_values(
        settings,
        otlp_endpoint=receiver.url,
        llm_base_url=upstream.url,
        llm_api_key=SecretStr(KEY),
        llm_retries=0,
    )


async def sent() -> None:
    """All spans up to now have been received."""
    import asyncio

    assert tracing._state.provider is not None
    assert await asyncio.to_thread(tracing._state.provider.force_flush)


def chat(**more: Any) -> dict[str, Any]:
    messages: Sequence[dict[str, str]] = [{"role": "user", "content": SECRET_TEXT}]
    return {"model": "stub-cached", "messages": messages, **more}


async def test_a_chat_is_a_span_in_its_requests_span_in_the_callers_trace(
    app: FastAPI, receiver: Receiver, upstream: Upstream, services: Services, anonymous: httpx.AsyncClient
) -> None:
    _, secret = services.keys.create("app", "analyst")
    headers = {"X-API-Key": secret, "traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01", "X-Request-ID": "traced"}
    answer = await anonymous.post("/v1/chat/completions", json=chat(), headers=headers)
    assert answer.status_code == 200
    await sent()
    request, about_request = receiver.named("POST /v1/chat/completions")
    call, about_call = receiver.named("chat stub-cached")
    assert request.trace_id.hex() == call.trace_id.hex() == TRACE_ID
    assert request.parent_span_id.hex() == "00f067aa0ba902b7"
    assert call.parent_span_id == request.span_id
    assert (request.kind, call.kind) == (2, 3)  # server, client
    assert about_request["http.route"] == "/v1/chat/completions"
    assert about_request["http.response.status_code"] == 200
    assert about_request["ml_guard.request_id"] == about_call["ml_guard.request_id"] == "traced"
    assert about_call["gen_ai.operation.name"] == "chat"
    assert about_call["gen_ai.provider.name"] == "openai"
    assert about_call["gen_ai.request.model"] == about_call["gen_ai.response.model"] == "stub-cached"
    usage = answer.json()["usage"]
    assert about_call["gen_ai.usage.input_tokens"] == usage["prompt_tokens"] == 4
    assert about_call["gen_ai.usage.output_tokens"] == usage["completion_tokens"]
    assert about_call["gen_ai.usage.cache_read.input_tokens"] == 2
    assert upstream.traceparents[-1].startswith(f"00-{TRACE_ID}-{call.span_id.hex()}-")
    assert receiver.services == {"ml-guard"}
    assert b"heliotrope" not in receiver.raw
    assert secret.encode() not in receiver.raw


async def test_a_stream_says_when_its_first_token_came_and_a_failure_what_it_was(
    app: FastAPI, receiver: Receiver, upstream: Upstream, services: Services, anonymous: httpx.AsyncClient
) -> None:
    _, secret = services.keys.create("app", "analyst")
    anonymous.headers["X-API-Key"] = secret
    await anonymous.post("/v1/chat/completions", json=chat(stream=True))
    upstream.fail = [500]
    assert (await anonymous.post("/v1/embeddings", json={"model": "e", "input": "x"})).status_code == 502
    await sent()
    stream, about_stream = receiver.named("chat stub-cached")
    assert [event.name for event in stream.events] == ["first_token"]
    assert 0 < about_stream["gen_ai.response.time_to_first_chunk"] < 10
    assert about_stream["gen_ai.usage.output_tokens"] == 4
    failed, about_failed = receiver.named("embeddings e")
    assert failed.status.code == 2
    assert about_failed["error.type"] == "BadGateway"
    request, about_request = receiver.named("POST /v1/embeddings")
    assert request.status.code == 2
    assert about_request["error.type"] == "502"


async def test_json_routes_have_their_template_and_others_can_add_spans(
    app: FastAPI, receiver: Receiver, services: Services, anonymous: httpx.AsyncClient, project: str
) -> None:
    _, secret = services.keys.create("app", "analyst")
    answer = await anonymous.get(f"/api/v1/projects/{project}", headers={"X-API-Key": secret, "traceparent": "broken"})
    assert answer.status_code == 200
    with tracing.span("retrieve", {"ml_guard.passages": 3, "left.out": None}), tracing.span("rank"):
        pass
    await sent()
    receiver.named("GET /api/v1/projects/{project_id}")
    outer, about = receiver.named("retrieve")
    assert about == {"ml_guard.passages": 3}
    assert receiver.named("rank")[0].parent_span_id == outer.span_id


def test_the_standard_variable_is_read_and_a_wrong_one_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert load_settings().server.otlp_endpoint == "http://127.0.0.1:4318"
    monkeypatch.setenv("ML_GUARD_OTLP_ENDPOINT", "nonsense")
    with pytest.raises(SettingsError, match="ML_GUARD_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT: "):
        load_settings()


def test_an_endpoint_without_the_packages_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_MODULE", "opentelemetry.no_such_package")
    tracing.check(settings_of())
    with pytest.raises(SettingsError, match=r"pip install 'ml-guard\[tracing\]'"):
        tracing.check(settings_of(otlp_endpoint="http://127.0.0.1:4318"))


def test_without_an_endpoint_nothing_of_it_is_imported() -> None:
    code = (
        "import sys, serving.app; from serving.http import tracing\n"
        "with tracing.span('x') as s: s.set({'a': 1}); s.fail('y')\n"
        "assert tracing.headers() == {} and tracing.start_request_span({}) is None\n"
        "assert 'opentelemetry.sdk.trace.export' not in sys.modules, 'imported'\n"
    )
    root = ROOT
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=120)
