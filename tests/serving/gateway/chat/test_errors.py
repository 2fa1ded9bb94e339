"""Every error under `/v1/` has the shape that OpenAI's clients read, whoever says it; servers that fail are left alone in time."""

import asyncio
import gzip
import time
from email.utils import formatdate
from typing import Any

import httpx
import openai as lib
import pytest
from openai import AsyncOpenAI

from guard_core.settings import Settings
from serving.app import Services
from serving.gateway.upstreams.pauses import choose_pause_s, read_retry_after_s
from tests.support.settings import with_values
from tests.support.upstream import Upstream

HELLO: list[Any] = [{"role": "user", "content": "Hello there"}]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_values(settings, max_body_bytes=1_000)


@pytest.fixture
async def secret(services: Services, project: str) -> str:
    return services.keys.create("app", "analyst", project)[1]


@pytest.mark.parametrize(
    ("path", "fields"), [("chat/completions", {"messages": HELLO}), ("embeddings", {"input": "Hello there"})]
)
async def test_a_model_with_nul_is_refused_before_anything_is_called(
    analyst: httpx.AsyncClient, upstream: Upstream, project: str, path: str, fields: dict[str, Any]
) -> None:
    answer = await analyst.post(
        f"/v1/{path}", json={"model": "gpt\0-4", **fields}, headers={"X-ML-Guard-Project": project}
    )
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "model: must name a model, without NUL.")
    assert upstream.seen == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "kind"),
    [
        ("POST", "/chat/completions", {"Authorization": "Bearer no"}, b"{}", 401, "authentication_error"),
        ("POST", "/chat/completions", {"X-API-Key": ""}, b"{}", 401, "authentication_error"),
        ("POST", "/chat/completions", {"X-ML-Guard-Project": "other"}, b"{}", 403, "permission_error"),
        ("POST", "/chat/completions", {}, b"{", 400, "invalid_request_error"),
        ("POST", "/chat/completions", {}, b"[]", 400, "invalid_request_error"),
        ("POST", "/chat/completions", {}, b"x" * 2_000, 413, "invalid_request_error"),
        ("POST", "/chat/completions", {"Content-Encoding": "br"}, b"{}", 415, "invalid_request_error"),
        (
            "POST",
            "/embeddings",
            {"Content-Encoding": "gzip"},
            gzip.compress(b"{}", mtime=0),
            400,
            "invalid_request_error",
        ),
        ("GET", "/chat/completions", {}, b"", 405, "invalid_request_error"),
        ("POST", "/completions", {}, b"{}", 404, "not_found_error"),
        ("GET", "/models/nothing/there", {}, b"", 404, "not_found_error"),
    ],
)
async def test_every_error_has_openais_shape(
    url: str, secret: str, method: str, path: str, headers: dict[str, str], body: bytes, status: int, kind: str
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        sent = {"Authorization": f"Bearer {secret}", **headers}
        answer = await client.request(method, url + path, content=body, headers=sent)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["type"] == kind
    assert set(error) >= {"message", "type", "param", "code"}
    assert answer.headers["content-type"] == "application/json"


async def test_what_cannot_be_put_on_record_is_unavailable_in_openais_shape(
    url: str, secret: str, services: Services
) -> None:
    await asyncio.to_thread(services.events.writer.stop)
    async with AsyncOpenAI(base_url=url, api_key=secret, max_retries=0) as client:
        with pytest.raises(lib.InternalServerError) as raised:
            await client.chat.completions.create(model="stub", messages=HELLO)
    assert raised.value.status_code == 503
    assert raised.value.type == "service_unavailable_error"
    assert raised.value.response.headers["retry-after"]


async def test_a_spent_budget_is_not_asked_for_again_by_the_official_client(
    url: str, secret: str, services: Services, project: str, upstream: Upstream
) -> None:
    services.gateway.budgets.put("project", project, "requests", "day", soft=None, hard=0)
    async with AsyncOpenAI(base_url=url, api_key=secret, max_retries=5) as client:
        began = time.monotonic()
        with pytest.raises(lib.RateLimitError) as raised:
            await client.chat.completions.create(model="stub", messages=HELLO)
    assert time.monotonic() - began < 3
    assert (raised.value.code, raised.value.type) == ("budget_exceeded", "insufficient_quota")


async def test_a_soft_budget_that_is_passed_is_told(openai: AsyncOpenAI, services: Services, project: str) -> None:
    budget = services.gateway.budgets.put("project", project, "requests", "day", soft=0, hard=None)
    answer = await openai.chat.completions.with_raw_response.create(model="stub", messages=HELLO)
    assert answer.headers["x-ml-guard-soft-budgets"] == budget.id
    streamed = await openai.chat.completions.with_raw_response.create(model="stub", messages=HELLO, stream=True)
    assert streamed.headers["x-ml-guard-soft-budgets"] == budget.id


async def test_a_server_that_asks_for_patience_is_given_it(openai: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.fail, upstream.error_headers = [429], {"Retry-After": "0.4"}
    began = time.monotonic()
    await openai.chat.completions.create(model="stub", messages=HELLO)
    assert time.monotonic() - began >= 0.4
    assert upstream.requests == 2


async def test_where_it_asks_for_more_than_anyone_waits_the_next_is_asked_at_once(
    openai: AsyncOpenAI, upstream: Upstream, spare: Upstream
) -> None:
    upstream.fail, upstream.error_headers = [429] * 9, {"Retry-After": "3600"}
    await openai.chat.completions.create(model="stub", messages=HELLO)
    assert (upstream.requests, spare.requests) == (1, 1)
    spare.fail, spare.error_headers = [429] * 9, {"Retry-After": "1800"}
    with pytest.raises(lib.RateLimitError) as raised:
        await openai.chat.completions.create(model="stub", messages=HELLO)
    assert raised.value.response.headers["retry-after"] == "1800"


@pytest.mark.parametrize(("delay", "seconds"), [("18s", "18"), ("18.2s", "19")])
async def test_the_wait_that_gemini_asks_for_in_its_error_is_that_of_the_header(
    openai: AsyncOpenAI, upstream: Upstream, spare: Upstream, delay: str, seconds: str
) -> None:
    retry_info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    upstream.fail, spare.fail = [429] * 9, [429] * 9
    upstream.error = spare.error = {"status": "RESOURCE_EXHAUSTED", "details": [{"@type": "x"}, "?", retry_info]}
    with pytest.raises(lib.RateLimitError) as raised:
        await openai.chat.completions.create(model="stub", messages=HELLO)
    assert raised.value.response.headers["retry-after"] == seconds
    assert (upstream.requests, spare.requests) == (1, 1)


async def test_the_wait_that_an_overloaded_server_asks_for_reaches_the_caller(
    openai: AsyncOpenAI, upstream: Upstream, spare: Upstream
) -> None:
    for server in (upstream, spare):
        server.fail, server.error_headers = [503] * 9, {"Retry-After": "1800"}
    with pytest.raises(lib.InternalServerError) as raised:
        await openai.chat.completions.create(model="stub", messages=HELLO)
    assert raised.value.response.headers["retry-after"] == "1800"


async def test_a_server_without_credit_is_not_asked_again(
    openai: AsyncOpenAI, upstream: Upstream, spare: Upstream
) -> None:
    upstream.fail, upstream.error = [429] * 9, {"code": "insufficient_quota"}
    await openai.chat.completions.create(model="stub", messages=HELLO)
    assert (upstream.requests, spare.requests) == (1, 1)


async def test_a_server_that_fails_again_and_again_is_left_alone(
    openai: AsyncOpenAI, upstream: Upstream, spare: Upstream
) -> None:
    upstream.fail, spare.fail = [500] * 99, [500] * 99
    for _ in range(3):
        with pytest.raises(lib.InternalServerError):
            await openai.chat.completions.create(model="stub", messages=HELLO)
    asked = upstream.requests + spare.requests
    with pytest.raises(lib.InternalServerError, match="failed too often") as raised:
        await openai.chat.completions.create(model="stub", messages=HELLO)
    assert (raised.value.status_code, upstream.requests + spare.requests) == (503, asked)
    assert 0 < int(raised.value.response.headers["retry-after"]) <= 15


async def test_the_callers_own_timeout_is_its_own_and_nothing_is_held(
    openai: AsyncOpenAI, upstream: Upstream, services: Services, project: str
) -> None:
    budget = services.gateway.budgets.put("project", project, "tokens", "day", soft=None, hard=10**9)
    day = await services.gateway.day_of(project)
    upstream.silent_s = 1.0
    for stream in (False, True):
        with pytest.raises(lib.APITimeoutError):
            await openai.chat.completions.create(model="stub", messages=HELLO, stream=stream, timeout=0.3)
    for _ in range(100):
        (standing,) = services.gateway.budgets.statuses([budget], lambda _: day)
        if not standing.reserved:
            break
        await asyncio.sleep(0.05)
    assert standing.reserved == 0
    assert standing.spent >= upstream.tokens_in


def test_patience_is_asked_for_in_many_ways() -> None:
    assert read_retry_after_s({"Retry-After": "2"}) == 2
    assert read_retry_after_s({"retry-after-ms": "250", "Retry-After": "2"}) == 0.25
    assert 58 < (read_retry_after_s({"Retry-After": formatdate(time.time() + 60, usegmt=True)}) or 0) <= 60
    assert read_retry_after_s({"Retry-After": "soon"}) is None
    assert read_retry_after_s({"Retry-After": "nan"}) is None
    assert read_retry_after_s({}) is None
    assert choose_pause_s(0, 3.0) == 3.0
    assert choose_pause_s(0, 60.0) is None
    assert all(0 <= (choose_pause_s(attempt, None) or 0) <= 8 for attempt in range(20))


async def test_an_unknown_route_lists_those_that_are_offered(analyst: httpx.AsyncClient) -> None:
    response = await analyst.post("/v1/completions", json={})
    assert response.status_code == 404
    assert response.json()["error"]["message"] == (
        "There is no such route. Offered below /v1/: GET /v1/models, GET /v1/models/{model_id}, POST /v1/chat/completions,"
        " POST /v1/embeddings, POST /v1/feedback, POST /v1/messages, POST /v1/messages/count_tokens, POST /v1/responses,"
        " POST /v1/responses/input_tokens."
    )
    elsewhere = await analyst.get("/api/v1/nothing")
    assert elsewhere.json()["detail"] == "There is no such route."
