"""The text of a stream, read to its end however the server ends it."""

import json
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from guard_store.spending.amounts import Amount
from serving.gateway.upstreams.events import BrokenStreamError
from serving.gateway.upstreams.reading import UsageMeter, stream_text
from serving.gateway.upstreams.upstream import Upstream, UpstreamResponse


class Content:
    """The body of a response that arrives byte by byte, and may end in an error."""

    def __init__(self, data: bytes, error: Exception | None = None) -> None:
        self._bytes = iter(data)
        self._error = error
        self._buffer: list[bytes] = []

    async def readany(self) -> bytes:
        for byte in self._bytes:
            return bytes([byte])
        if self._error is not None:
            raise self._error
        return b""


def _event(delta: Any, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


TEXT = _event({"content": "Hello"}, "") + _event(None, "") + _event({"content": " there."}, "")
END = _event({}, "stop", usage={"prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 18})
BREAK = aiohttp.ClientPayloadError("cut off")


async def _read(content: Content) -> tuple[str, Amount]:
    response: Any = SimpleNamespace(content=content)
    meter = UsageMeter(3)
    upstream = Upstream("u", "http://u/v1", None, {})
    pieces = [piece async for piece in stream_text(UpstreamResponse(upstream, "m", response, 1, 0.0), meter)]
    return "".join(pieces), meter.usage


@pytest.mark.parametrize(
    "content",
    [
        Content(TEXT + END + b"data: [DONE]\n\n"),
        Content(TEXT + END + b"data: [DONE]"),
        Content(TEXT + END),
        Content(TEXT + END.rstrip()),
        Content(TEXT + END, BREAK),
        Content(TEXT + END, TimeoutError()),
    ],
    ids=["done", "done, no line feed", "no done", "no line feed", "connection breaks", "silence"],
)
async def test_a_stream_with_finish_reason_and_usage_is_complete(content: Content) -> None:
    assert await _read(content) == ("Hello there.", Amount(tokens_in=10, tokens_out=8))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (Content(TEXT), BrokenStreamError),
        (Content(b""), BrokenStreamError),
        (Content(TEXT, BREAK), aiohttp.ClientPayloadError),
    ],
    ids=["no finish reason", "nothing", "connection breaks"],
)
async def test_a_stream_without_an_end_is_broken(content: Content, error: type[Exception]) -> None:
    with pytest.raises(error):
        await _read(content)


async def test_a_whole_answer_in_place_of_a_stream_is_read() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 18}
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello there."}, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice], "usage": usage}, indent=1).encode()
    assert await _read(Content(body)) == ("Hello there.", Amount(tokens_in=10, tokens_out=8))


async def test_text_in_parts_is_read_without_its_reasoning() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    parts = [thinking, {"type": "text", "text": "Hello"}, {"type": "reference", "reference_ids": [0]}]
    text, _ = await _read(Content(_event({"content": parts}) + _event({"content": " there."}) + END))
    assert text == "Hello there."


def _metered(*events: tuple[dict[str, Any] | None, int]) -> Amount:
    """Return the usage after events, each with the usage that it reports and the bytes of its text."""
    meter = UsageMeter(prompt_tokens=7)
    for usage, size in events:
        meter.read_usage_of({} if usage is None else {"usage": usage})
        meter.count_text(size)
    meter.ended = True
    return meter.usage


def _reported(tokens_out: int) -> dict[str, Any]:
    return {"prompt_tokens": 5, "completion_tokens": tokens_out, "total_tokens": 5 + tokens_out}


WORDS = [(None, 6)] * 50


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([*WORDS, (_reported(50), 0)], Amount(tokens_in=5, tokens_out=50), id="at the end"),
        pytest.param([(_reported(n), 6) for n in range(1, 51)], Amount(tokens_in=5, tokens_out=50), id="in each event"),
        pytest.param(
            [(_reported(1), 6), *WORDS], Amount(tokens_in=5, tokens_out=77, estimated=True), id="before the text"
        ),
        pytest.param([(_reported(1), 300)], Amount(tokens_in=5, tokens_out=75, estimated=True), id="too few"),
        pytest.param(
            [*WORDS, (_reported(9 * 10**15), 0)], Amount(tokens_in=5, tokens_out=75, estimated=True), id="too many"
        ),
        pytest.param([(_reported(40), 96)], Amount(tokens_in=5, tokens_out=40), id="with hidden reasoning"),
        pytest.param([(_reported(1), 96)], Amount(tokens_in=5, tokens_out=1), id="one long token"),
    ],
)
def test_usage_that_cannot_be_true_is_estimated(events: list[Any], expected: Amount) -> None:
    assert _metered(*events) == expected
