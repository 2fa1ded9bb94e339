"""What a server of language models answers, read: whole, or event by event, and what it took.

What is made of the texts belongs to the domains.
"""

from collections.abc import AsyncGenerator
from typing import Any, Final

import aiohttp
import msgspec

from guard_store.spending.amounts import Amount
from serving.gateway.calls.tokens import estimate, reported
from serving.gateway.upstreams.upstreams import UpstreamResponse
from serving.http.problems import BadGateway, GatewayTimeout, Problem

_MOST_ANSWER_BYTES = 64 * 2**20
_EVENT_BYTES = 4 * 2**20
_decode = msgspec.json.Decoder().decode


class BrokenStreamError(Exception):
    """The upstream sends what is no stream of chat completions, or says that it failed."""


async def whole(upstream_response: UpstreamResponse) -> dict[str, Any]:
    """The JSON object of an answer.

    Raises
    ------
    BadGateway, GatewayTimeout
        Where it is none, or does not come to its end.
    """
    name = upstream_response.upstream.name
    try:
        data = await upstream_response.response.content.read(_MOST_ANSWER_BYTES)
        while not upstream_response.response.content.at_eof():
            data += await upstream_response.response.content.read(_MOST_ANSWER_BYTES)
            if len(data) > _MOST_ANSWER_BYTES:
                raise BadGateway(f"{name} answered with too many bytes.")
        answer = _decode(data)
    except TimeoutError as error:
        raise GatewayTimeout(f"{name} did not finish its answer in time.") from error
    except (aiohttp.ClientError, OSError) as error:
        raise BadGateway(f"{name} broke its answer off ({type(error).__name__}).") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadGateway(f"{name} answered what is not JSON.") from error
    finally:
        upstream_response.response.release()
    if not isinstance(answer, dict):
        raise BadGateway(f"{name} answered what is not a JSON object.")
    return answer


def event_of(data: bytes) -> dict[str, Any]:
    """One event of a stream of chat completions, or an error in its place.

    Raises
    ------
    BrokenStreamError
        Where it is neither.
    """
    try:
        event = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenStreamError("an event of the stream is not JSON") from error
    if not isinstance(event, dict):
        raise BrokenStreamError("an event of the stream is not a JSON object")
    return event


async def arrived(content: aiohttp.StreamReader) -> bytes:
    """What has come in of a stream; empty at its end."""
    try:
        return await content.readany()
    except aiohttp.ClientError:
        # What came before the break is behind the exception; it was produced, so it is charged.
        before = b"".join(content._buffer)  # noqa: SLF001 - aiohttp has no other way
        content._buffer.clear()  # noqa: SLF001
        if not before:
            raise
        return before


BROKEN: Final = (BrokenStreamError, aiohttp.ClientError, TimeoutError, OSError)
"""Errors by which an upstream's stream ends before its end."""


def broken_stream(error: BaseException) -> Problem:
    """Return the problem of a stream that broke."""
    if isinstance(error, TimeoutError):
        return Problem.of_status(504, "The model's server was silent for too long.")
    return Problem.of_status(502, f"The stream broke: {error}.")


class Events:
    """Server-sent events out of the bytes in which they arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def add(self, data: bytes) -> None:
        """Take bytes."""
        self._buffer += data

    def next(self) -> bytes | None:
        """The data of the next event, empty for a comment (the upstream is alive), None where it is not complete.

        Raises
        ------
        BrokenStreamError
            Where it has no end.
        """
        while True:
            end = self._buffer.find(b"\n")
            if end < 0:
                if len(self._buffer) > _EVENT_BYTES:
                    raise BrokenStreamError("an event of the stream is too large")
                return None
            line = bytes(self._buffer[:end]).rstrip(b"\r")
            del self._buffer[: end + 1]
            if line.startswith(b"data:"):
                return line[5:].strip()
            if line.startswith(b":"):
                return b""


class UsageMeter:
    """The usage of a stream up to now.

    Parameters
    ----------
    prompt_tokens : our estimate, where the upstream does not say.

    Attributes
    ----------
    ended : whether the upstream has sent everything; set by the reader.
    """

    def __init__(self, prompt_tokens: int) -> None:
        self._prompt_tokens = prompt_tokens
        self._usage: Amount | None = None
        self._events = 0
        self._bytes = 0
        self.ended = False

    def learn(self, event: dict[str, Any]) -> None:
        """Take what an event says of usage."""
        usage = reported(event.get("usage"))
        if usage is not None:
            self._usage = usage

    def spoke(self, size: int) -> None:
        """Count what an event has said, in UTF-8 bytes."""
        self._bytes += size
        self._events += size > 0

    @property
    def has_spoken(self) -> bool:
        """Whether any token has come."""
        return self._events > 0

    @property
    def usage(self) -> Amount:
        """As the upstream says, else estimated. A token an event is what most send."""
        if self._usage is not None and (self.ended or self._usage.tokens_out >= self._events):
            return self._usage
        tokens_in = self._prompt_tokens if self._usage is None else self._usage.tokens_in
        cached = 0 if self._usage is None else self._usage.tokens_cached
        out = max(self._events, estimate(self._bytes))
        return Amount(tokens_in=tokens_in, tokens_cached=cached, tokens_out=out, estimated=True)


async def text_pieces(upstream_response: UpstreamResponse, meter: UsageMeter) -> AsyncGenerator[str]:
    """Yield the text of a stream's first choice, piece by piece, until it ends.

    Raises
    ------
    BrokenStreamError
        If the upstream does not come to its end.
    """
    events = Events()
    while data := await arrived(upstream_response.response.content):
        events.add(data)
        for event in filter(None, iter(events.next, None)):
            if event == b"[DONE]":
                meter.ended = True
                return
            piece = _text_of(event_of(event), "delta", meter)
            if piece:
                yield piece
    raise BrokenStreamError("the upstream ended the stream before its end")


async def whole_text(upstream_response: UpstreamResponse, meter: UsageMeter) -> str:
    """Return the text of a whole answer's first choice; raises as `whole`."""
    said = _text_of(await whole(upstream_response), "message", meter)
    meter.ended = True
    return said


def _text_of(said: dict[str, Any], part: str, meter: UsageMeter) -> str:
    if said.get("error"):
        raise BrokenStreamError("the upstream broke the stream off with an error")
    meter.learn(said)
    choices = said.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get(part) if isinstance(choice, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, str):
        return ""
    meter.spoke(len(content.encode()))
    return content
