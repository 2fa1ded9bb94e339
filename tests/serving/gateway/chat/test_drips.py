"""Servers that send too little: keep-alives or single bytes hold no call, and what has arrived is charged."""

import asyncio
import json
import time
from typing import Any

import httpx
import openai as lib
import pytest
from openai import AsyncOpenAI

from guard_core.settings import Settings
from serving.app import Services
from tests.support.gateway import wait_for_calls
from tests.support.settings import with_values
from tests.support.upstream import Upstream

HELLO: list[Any] = [{"role": "user", "content": "Hello there"}]


def _event(delta: dict[str, Any]) -> bytes:
    event = {"id": "c", "model": "stub", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


EMPTY = _event({"role": "assistant", "content": ""})


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_values(settings, llm_timeout_s=1, llm_first_token_s=3, llm_fallbacks=(), llm_retries=0)


async def _end_of_stream(openai: AsyncOpenAI) -> float:
    """Return after how many seconds a stream ends because nothing of it arrives."""
    began = time.monotonic()
    with pytest.raises(lib.APIError, match=r"silent for too long|did not answer in time"):
        _ = [c async for c in await openai.chat.completions.create(model="stub", messages=HELLO, stream=True)]
    return time.monotonic() - began


@pytest.mark.parametrize("stream", [b": keep-alive\n\n" * 99, _event({"content": "Hi"}), EMPTY * 99, b""])
async def test_a_stream_without_a_first_token_ends_in_time(
    openai: AsyncOpenAI, upstream: Upstream, services: Services, stream: bytes
) -> None:
    upstream.stream, upstream.drip_s = stream, 0.05
    upstream.silent_s = 0 if stream else 30
    assert 0.9 < await _end_of_stream(openai) < 5
    (call,) = await wait_for_calls(services, 1)
    assert call["tokens_out"] == 0


@pytest.mark.parametrize("rest", [b": keep-alive\n\n" * 99, _event({"content": " you"}), EMPTY * 99])
async def test_a_stream_that_stops_making_progress_ends_and_is_charged(
    openai: AsyncOpenAI, upstream: Upstream, services: Services, rest: bytes
) -> None:
    upstream.stream, upstream.drip_s = _event({"content": "Hi"}) + rest, 0.012
    assert await _end_of_stream(openai) < 6
    (call,) = await wait_for_calls(services, 1)
    assert (call["tokens_out"], call["tokens_estimated"]) == (1, True)


async def test_a_slow_stream_that_makes_progress_is_read_to_its_end(openai: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.say, upstream.delay_s = "one two three four five six", 0.6
    chunks = [c async for c in await openai.chat.completions.create(model="stub", messages=HELLO, stream=True)]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices).split() == upstream.say.split()


async def test_a_whole_answer_in_drips_ends_and_is_charged(
    openai: AsyncOpenAI, upstream: Upstream, services: Services
) -> None:
    upstream.answer, upstream.drip_s = {"choices": [{"message": {"content": "word " * 40}}]}, 0.02
    began = time.monotonic()
    with pytest.raises(lib.InternalServerError, match="did not finish its answer in time") as raised:
        await openai.chat.completions.create(model="stub", messages=HELLO)
    assert (raised.value.status_code, time.monotonic() - began < 4) == (504, True)
    (call,) = await wait_for_calls(services, 1)
    assert call["tokens_estimated"]
    assert 5 <= call["tokens_out"] <= 40


async def test_a_client_that_reads_slowly_is_no_silence_of_the_server(
    url: str, openai: AsyncOpenAI, upstream: Upstream
) -> None:
    upstream.say = "word " * 40_000
    headers = {"Authorization": f"Bearer {openai.api_key}"}
    body = {"model": "stub", "messages": HELLO, "stream": True}
    async with (
        httpx.AsyncClient(headers=headers, trust_env=False, timeout=60) as client,
        client.stream("POST", f"{url}/chat/completions", json=body) as answer,
    ):
        lines = answer.aiter_lines()
        await anext(lines)
        await asyncio.sleep(3)
        last = [line async for line in lines if line][-1]
    assert last == "data: [DONE]"


async def test_an_error_in_drips_is_cut_short(openai: AsyncOpenAI, upstream: Upstream, monkeypatch: Any) -> None:
    monkeypatch.setattr("serving.gateway.upstreams.problems._ERROR_S", 0.5)
    upstream.answer, upstream.answer_status, upstream.drip_s = {"error": {"message": "no " * 99}}, 400, 0.1
    began = time.monotonic()
    with pytest.raises(lib.BadRequestError):
        await openai.chat.completions.create(model="stub", messages=HELLO)
    assert time.monotonic() - began < 3
