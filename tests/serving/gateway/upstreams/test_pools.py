"""Servers and keys that share calls: by weight, by the models that they serve, and around those that ask to be left alone."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from guard_core.settings import Fallback
from serving.gateway.upstreams.rate_limits import Cooldowns, read_reset_s
from serving.gateway.upstreams.reading import read_json
from serving.gateway.upstreams.upstream import UpstreamResponse
from serving.gateway.upstreams.upstreams import Upstreams
from serving.http.problems import NotFound, Problem, TooManyRequests, Unavailable
from tests.support.settings import settings_of
from tests.support.upstream import KEY, Upstream, running

OTHER_KEY = "up-" + "o" * 20
LIMITED = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}


@pytest.fixture
async def first() -> AsyncIterator[Upstream]:
    async with running(Upstream()) as upstream:
        yield upstream


@pytest.fixture
async def second() -> AsyncIterator[Upstream]:
    async with running(Upstream()) as upstream:
        yield upstream


@asynccontextmanager
async def started(first: Upstream, *fallbacks: Mapping[str, Any], **values: Any) -> AsyncIterator[Upstreams]:
    servers = [Fallback.model_validate({"api_key": KEY, **fallback}) for fallback in fallbacks]
    settings = settings_of(
        llm_base_url=first.url,
        llm_api_key=SecretStr(KEY),
        llm_fallbacks=tuple(servers),
        **{"llm_retries": 1, "llm_timeout_s": 5, **values},
    )
    upstreams = Upstreams(settings)
    await upstreams.start()
    try:
        yield upstreams
    finally:
        await upstreams.stop()


async def call(upstreams: Upstreams, model: str = "stub") -> UpstreamResponse:
    response = await upstreams.post({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
    await read_json(response)
    return response


async def test_members_of_a_pool_share_calls_by_weight(first: Upstream, second: Upstream) -> None:
    async with started(first, {"base_url": second.url, "weight": 3, "with_previous": True}) as upstreams:
        for _ in range(8):
            await call(upstreams)
    assert (first.requests, second.requests) == (2, 6)


async def test_fallbacks_are_not_called_while_the_pool_before_answers(first: Upstream, second: Upstream) -> None:
    async with started(first, {"base_url": second.url}) as upstreams:
        for _ in range(4):
            await call(upstreams)
        assert (first.requests, second.requests) == (4, 0)
        first.fail = [500, 500]
        assert (await call(upstreams)).attempts == 3
    assert second.requests == 1


async def test_keys_of_a_server_share_its_calls(first: Upstream) -> None:
    first.keys = (KEY, OTHER_KEY)
    async with started(first, llm_api_keys=(SecretStr(OTHER_KEY),)) as upstreams:
        names = {(await call(upstreams)).upstream.name for _ in range(6)}
        assert OTHER_KEY not in repr(list(upstreams))
    assert Counter(first.keys_seen) == {KEY: 3, OTHER_KEY: 3}
    assert names == {"127.0.0.1", "127.0.0.1 (key 2)"}


async def test_a_key_that_is_rejected_is_left_out(first: Upstream) -> None:
    async with started(first, llm_api_keys=(SecretStr(OTHER_KEY),)) as upstreams:
        for _ in range(6):
            await call(upstreams)
    assert Counter(first.keys_seen) == {KEY: 6, OTHER_KEY: 1}


async def test_a_server_is_called_only_for_models_that_it_serves(first: Upstream, second: Upstream) -> None:
    claude = {"base_url": second.url, "models": ["claude-*"], "with_previous": True}
    first.models_listed, second.models_listed = ["gpt-4o", "dall-e"], ["claude-x", "other"]
    async with started(first, claude, llm_models=("gpt-*",)) as upstreams:
        for model in ("gpt-4o", "claude-x", "gpt-4o"):
            await call(upstreams, model)
        with pytest.raises(NotFound, match="serves the model 'llama'"):
            await call(upstreams, "llama")
        listed = {model["id"] for model in await upstreams.list_models()}
    assert [body["model"] for body in first.seen] == ["gpt-4o", "gpt-4o"]
    assert [body["model"] for body in second.seen] == ["claude-x"]
    assert listed == {"gpt-4o", "claude-x"}


@pytest.mark.parametrize("status", [0, 429, 500, 503])
async def test_a_retry_goes_to_another_member_at_once(first: Upstream, second: Upstream, status: int) -> None:
    first.fail = second.fail = [status]  # one list: whoever is called first fails
    first.error_headers = second.error_headers = {"Retry-After": "3"}
    async with started(first, {"base_url": second.url, "with_previous": True}) as upstreams:
        began = time.monotonic()
        assert (await call(upstreams)).attempts == 2
    assert time.monotonic() - began < 1
    assert (first.requests, second.requests) == (1, 1)


def _in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    "headers",
    [
        lambda: {"Retry-After": "3600"},
        lambda: {"retry-after-ms": "60000"},
        lambda: LIMITED,
        lambda: {"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": _in_an_hour()},
    ],
    ids=["Retry-After", "retry-after-ms", "OpenAI", "Anthropic"],
)
async def test_a_member_that_is_limited_is_left_out(
    first: Upstream, second: Upstream, headers: Callable[[], dict[str, str]]
) -> None:
    first.fail, first.error_headers = [429], headers()
    async with started(first, {"base_url": second.url, "with_previous": True}) as upstreams:
        for _ in range(6):
            await call(upstreams)
        assert (first.requests, second.requests) == (1, 6)
        await call(upstreams, "other")  # limits are those of a model
        await call(upstreams, "other")
    assert first.requests == 2


async def test_a_member_is_left_out_before_it_has_to_refuse(first: Upstream, second: Upstream) -> None:
    first.headers = LIMITED
    async with started(first, {"base_url": second.url, "with_previous": True}) as upstreams:
        for _ in range(6):
            await call(upstreams)
    assert (first.requests, second.requests) == (1, 5)


async def test_a_server_that_has_refused_nothing_is_called_where_no_other_is_free(first: Upstream) -> None:
    first.headers = LIMITED
    async with started(first) as upstreams:
        for _ in range(3):
            await call(upstreams)
    assert first.requests == 3


async def test_the_member_that_is_free_first_is_waited_for(first: Upstream, second: Upstream) -> None:
    first.fail, first.error_headers = [429], {"Retry-After": "30"}
    second.fail, second.error_headers = [429], {"retry-after-ms": "600"}
    async with started(first, {"base_url": second.url, "with_previous": True}) as upstreams:
        began = time.monotonic()
        await call(upstreams)
    assert 0.6 <= time.monotonic() - began < 5
    assert (first.requests, second.requests) == (1, 2)


@pytest.mark.parametrize(("status", "error"), [(429, TooManyRequests), (503, Unavailable)])
async def test_where_none_is_free_in_time_the_caller_learns_the_wait(
    first: Upstream, second: Upstream, status: int, error: type[Problem]
) -> None:
    first.fail, first.error_headers = [status], {"Retry-After": "3000"}
    second.fail, second.error_headers = [status], {"Retry-After": "60"}
    async with started(first, {"base_url": second.url, "with_previous": True}) as upstreams:
        with pytest.raises(Problem, match=str(status)):
            await call(upstreams)
        with pytest.raises(error, match="the first is free in 60 s") as raised:
            await call(upstreams)
    assert raised.value.headers["Retry-After"] == "60"
    assert (first.requests, second.requests) == (1, 1)


async def test_the_reset_of_a_limit_reaches_the_caller(first: Upstream) -> None:
    first.fail, first.error_headers = [429], LIMITED
    async with started(first) as upstreams:
        with pytest.raises(Problem) as raised:
            await call(upstreams)
    assert (raised.value.status, raised.value.headers["Retry-After"]) == (429, "360")


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [("1s", 1), ("6m0s", 360), ("120ms", 0.12), ("1h2m3.5s", 3723.5), ("2d", 172_800), ("59.5", 59.5), ("1m", 60)]
    + [(value, None) for value in ("", "soon", "-1", "0s", "nan", "inf", "2020-01-01T00:00:00Z", "2020-01-01")],
)
def test_durations_of_limits_are_read(reset: str, seconds: float | None) -> None:
    headers = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": reset}
    assert read_reset_s(headers) == (None if seconds is None else pytest.approx(seconds))
    assert read_reset_s(headers | {"x-ratelimit-remaining-tokens": "1"}) is None


def test_cooldowns_are_bounded() -> None:
    now = [0.0]
    cooldowns = Cooldowns(clock=lambda: now[0])
    for number in range(1_000):
        cooldowns.record(f"model {number}", 10**9, 429)
    assert len(cooldowns._by_model) == 256
    assert cooldowns.wait_s("model 999") == 3_600
    cooldowns.record("model 999", 5, None)
    assert (cooldowns.wait_s("model 999"), cooldowns.status("model 999")) == (3_600, 429)
    now[0] = 3_601.0
    assert (cooldowns.wait_s("model 999"), cooldowns.status("model 999")) == (0, None)


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf")])
def test_a_weight_is_a_positive_number(weight: float) -> None:
    with pytest.raises(ValidationError, match="weight"):
        Fallback(base_url="http://x", weight=weight)
