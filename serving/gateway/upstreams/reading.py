"""Reads responses of language models, whole or event by event, with their usage.

The callers decide what becomes of the texts.
"""

from collections.abc import AsyncGenerator
from typing import Any, Final

import aiohttp

from guard_store.spending.amounts import Amount
from serving.gateway.calls.tokens import estimate, find_usage, is_implausibly_low, read_usage
from serving.gateway.upstreams.decoding import decode_json, join_halves, join_parts
from serving.gateway.upstreams.events import DONE_MARK, BrokenStreamError, find_error, parse_event
from serving.gateway.upstreams.upstream import UpstreamResponse
from serving.http.problems import BadGateway, GatewayTimeout, Problem

_MAX_ANSWER_BYTES = 64 * 2**20
_LEAST_BYTES = 1024


async def read_json(upstream_response: UpstreamResponse, meter: "UsageMeter | None" = None) -> dict[str, Any]:
    """Read the JSON object of a whole response, as its server's protocol has it.

    Parameters
    ----------
    meter : counts what has arrived of an answer that does not complete, because the server has produced it.

    Raises
    ------
    BadGateway, GatewayTimeout
        If it is not a JSON object, or does not complete.
    """
    name = upstream_response.upstream.name
    data = bytearray()
    try:
        await _read_whole(upstream_response, data)
        answer = decode_json(bytes(data))
    except TimeoutError as error:
        _count_incomplete(data, meter)
        raise GatewayTimeout(f"{name} did not finish its answer in time.") from error
    except (aiohttp.ClientError, OSError) as error:
        _count_incomplete(data, meter)
        raise BadGateway(f"{name} broke off its answer ({type(error).__name__}).") from error
    except (ValueError, RecursionError) as error:
        raise BadGateway(f"{name} did not answer with JSON.") from error
    finally:
        upstream_response.response.release()
    if not isinstance(answer, dict):
        raise BadGateway(f"{name} did not answer with a JSON object.")
    return answer


async def _read_whole(upstream_response: UpstreamResponse, data: bytearray) -> None:
    """Add the bytes of a response to `data` as they arrive.

    Blanks before the answer are keep-alives, as DeepSeek sends them; after its first byte, fewer than `_LEAST_BYTES`
    within the timeout are no progress.
    """
    content = upstream_response.response.content
    target = 1
    while True:
        data += await upstream_response.wait_for(content.readany)
        if content.at_eof():
            return
        if len(data) > _MAX_ANSWER_BYTES:
            raise BadGateway(f"{upstream_response.upstream.name} answered with too many bytes.")
        if target == 1:
            data[:] = data.lstrip()
        if len(data) >= target:
            target = len(data) + _LEAST_BYTES
            upstream_response.record_progress()


def _count_incomplete(data: bytearray, meter: "UsageMeter | None") -> None:
    if meter is not None:
        meter.count_text(len(data.strip()))


async def read_available(upstream_response: UpstreamResponse) -> bytes:
    """Return the bytes that have arrived of a stream; empty at its end."""
    content = upstream_response.response.content
    try:
        return await upstream_response.wait_for(content.readany)
    except aiohttp.ClientError:
        # The exception hides the bytes that arrived before the break; they were produced, so they are charged.
        before = b"".join(content._buffer)  # noqa: SLF001 - aiohttp has no other way
        content._buffer.clear()  # noqa: SLF001
        if not before:
            raise
        return before


BROKEN: Final = (BrokenStreamError, aiohttp.ClientError, TimeoutError, OSError)
"""Errors that end an upstream's stream early."""


def stream_problem(error: BaseException) -> Problem:
    """Return the problem of a stream that broke."""
    if isinstance(error, TimeoutError):
        return Problem.of_status(504, "The model's server was silent for too long, or sent nothing of its answer.")
    return Problem.of_status(502, f"The stream broke: {error}.")


class UsageMeter:
    """Measures the usage of a stream so far.

    Parameters
    ----------
    prompt_tokens : our estimate, used if the upstream reports no usage.

    Attributes
    ----------
    ended : whether the upstream has completed the stream; set by the reader.
    """

    def __init__(self, prompt_tokens: int) -> None:
        self._prompt_tokens = prompt_tokens
        self._usage: Amount | None = None
        self._events = 0
        self._events_reported = 0  # of those, the ones that had arrived with the last report
        self._bytes = 0
        self.ended = False

    def read_usage_of(self, event: dict[str, Any]) -> None:
        """Take the usage that an event reports, if any."""
        reported = find_usage(event)
        if reported:
            self._usage = read_usage(reported) or self._usage
            self._events_reported = self._events + 1  # the text of the same event is counted after it

    def count_text(self, size: int) -> None:
        """Count the text of an event, in UTF-8 bytes."""
        self._bytes += size
        self._events += size > 0

    @property
    def has_usage(self) -> bool:
        """Whether the upstream has reported any usage."""
        return self._usage is not None

    @property
    def received(self) -> int:
        """Return the bytes of text that have arrived."""
        return self._bytes

    @property
    def has_text(self) -> bool:
        """Whether any text has arrived."""
        return self._events > 0

    @property
    def usage(self) -> Amount:
        """Return the reported usage, else an estimate of at least one token per event, as most servers send.

        A report before the end of the text counts only what was there, and so few tokens that they cannot spell the text are not
        believed: a server may count only the prompt, before the answer.
        """
        if self._usage is not None and self._is_credible(self._usage.tokens_out):
            return self._usage
        tokens_in = self._prompt_tokens if self._usage is None else self._usage.tokens_in
        cached = 0 if self._usage is None else self._usage.tokens_cached
        reported = 0 if self._usage is None else self._usage.tokens_out
        tokens_out = max(reported, self._events, estimate(self._bytes))
        return Amount(tokens_in=tokens_in, tokens_cached=cached, tokens_out=tokens_out, estimated=True)

    def _is_credible(self, tokens_out: int) -> bool:
        if self._events > self._events_reported:
            return False
        least = min(self._events, 1) if self.ended else self._events
        return tokens_out >= least and not is_implausibly_low(tokens_out, self._bytes)


async def stream_text(upstream_response: UpstreamResponse, meter: UsageMeter) -> AsyncGenerator[str]:
    """Yield the text of a stream's first choice, piece by piece, until it ends.

    Raises
    ------
    BrokenStreamError
        If the upstream breaks off, or ends the stream with neither a finish reason nor `[DONE]`.
    """
    events = upstream_response.upstream.protocol.events()
    finished = has_deltas = False
    async for data in _read_chunks(upstream_response, meter):
        events.add(data) if data else events.end()
        for data_of_event in filter(None, iter(events.next, None)):
            if data_of_event.startswith(DONE_MARK):
                meter.ended = True
                return
            event = parse_event(data_of_event)
            has_deltas = has_deltas or _has_content(event)
            piece = _text_of(event, meter, has_deltas=has_deltas)
            if piece or _has_content(event):
                upstream_response.record_progress()
            finished = finished or bool(_first_choice(event).get("finish_reason"))
            meter.ended = finished and meter.has_usage
            if piece:
                yield piece
    if not finished:
        raise BrokenStreamError("the upstream ended the stream before its end")
    meter.ended = True


async def _read_chunks(upstream_response: UpstreamResponse, meter: UsageMeter) -> AsyncGenerator[bytes]:
    """Yield the bytes of a stream as they arrive, then none."""
    while True:
        try:
            data = await read_available(upstream_response)
        except (aiohttp.ClientError, TimeoutError, OSError):
            if not meter.ended:
                raise
            break
        if not data:
            break
        yield data
    yield b""


async def read_text(upstream_response: UpstreamResponse, meter: UsageMeter) -> str:
    """Read the text of a whole response's first choice; raises as `read_json`."""
    answer = await read_json(upstream_response, meter)
    text = _text_of(upstream_response.upstream.protocol.answer_to_chat(answer), meter)
    meter.ended = True
    return text


def _text_of(event: dict[str, Any], meter: UsageMeter, *, has_deltas: bool = False) -> str:
    """Return the text of the first choice; a whole message after deltas repeats them."""
    if find_error(event):
        raise BrokenStreamError("the upstream broke off the stream with an error")
    meter.read_usage_of(event)
    choice = _first_choice(event)
    message = choice.get("delta")
    if message is None and not has_deltas:  # servers that cannot stream send the whole message as one event
        message = choice.get("message")
    text = join_halves(join_parts(message.get("content"))) if isinstance(message, dict) else ""
    meter.count_text(len(text.encode()))
    return text


def _first_choice(event: dict[str, Any]) -> dict[str, Any]:
    choices = event.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else {}


def _has_content(event: dict[str, Any]) -> bool:
    """Return whether an event carries anything of an answer, such as reasoning, which is no part of the text."""
    delta = _first_choice(event).get("delta")
    return isinstance(delta, dict) and any(value for name, value in delta.items() if name != "role")
