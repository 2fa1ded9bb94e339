"""Answers of upstreams, read for a call: whole ones, and the pieces of streams, with what breaks them off.

What a piece may tell the caller is `stream`, a whole answer `checks`.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from serving.audit.context import RequestContext
from serving.gateway.calls.answer_cache import Slot
from serving.gateway.calls.call import Call
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.calls.tokens import find_usage
from serving.gateway.chat.checks import check_answer, check_own_answer
from serving.gateway.chat.stream import ChatStream
from serving.gateway.chat.texts import count_bytes
from serving.gateway.evaluations.answers import Answer, read_choices
from serving.gateway.prompts.template import Prompt
from serving.gateway.protocols.protocol import ModelRequest, Protocol, TranslatedProtocol
from serving.gateway.upstreams.events import BrokenStreamError, find_error
from serving.gateway.upstreams.problems import read_message
from serving.gateway.upstreams.reading import BROKEN, UsageMeter, read_available, read_json
from serving.gateway.upstreams.upstream import UpstreamResponse
from serving.http.problems import BadGateway, Problem


class WholeAnswer:
    """An answer in one piece.

    Parameters
    ----------
    own_answer : in the protocol of its server.
    tokens_in : our estimate, used if the server reports no usage.

    Attributes
    ----------
    usage : as the server reports it, else an estimate.

    Raises
    ------
    BadGateway
        If it is an error, or has no choices.
    """

    def __init__(
        self, own_answer: dict[str, Any], protocol: Protocol, server: str, tokens_in: int, session: PolicySession
    ) -> None:
        self._own_answer = own_answer
        self._protocol = protocol
        self._session = session
        self._answer = protocol.answer_to_chat(own_answer)
        if "choices" not in self._answer and find_usage(self._answer):  # a prompt that Gemini blocks has usage alone
            self._answer = {**self._answer, "choices": []}
        choices = require_list(self._answer, "choices", server, session)
        meter = UsageMeter(tokens_in)
        meter.read_usage_of(self._answer)
        meter.count_text(sum(_count_message(choice.get("message")) for choice in choices if isinstance(choice, dict)))
        meter.ended = True
        self.usage = meter.usage

    def evaluate(self, prompt: Prompt | None) -> Answer:
        """Return what is known of the answer, once it is checked, for its event."""
        return read_choices(self._answer["choices"], None if prompt is None else prompt.id, self._session)

    def check(self, request: ModelRequest) -> dict[str, Any]:
        """Return the answer as the content policy lets it through, in the protocol of the request."""
        if self._protocol is request.protocol and isinstance(self._protocol, TranslatedProtocol):
            checked = check_own_answer(self._own_answer, self._protocol, self._session)
            return self._protocol.own_answer(checked, request)
        return request.protocol.answer_from_chat(check_answer(self._answer, self._session), request, self.usage)


def _count_message(message: Any) -> int:
    """Count the bytes of what a model has written in a message; its role is none of it."""
    return count_bytes({**message, "role": None} if isinstance(message, dict) else message)


async def read_charged(upstream_response: UpstreamResponse, meter: UsageMeter, call: Call) -> dict[str, Any]:
    """Read a whole answer; one that does not complete is charged by what has arrived of it."""
    try:
        return await read_json(upstream_response, meter)
    except Problem:
        if meter.has_text:
            call.record_usage(meter.usage, upstream_response.model, upstream_response.upstream.base_url)
        raise


def require_list(answer: Mapping[str, Any], name: str, server: str, session: PolicySession) -> list[Any]:
    """Return the list that holds the content of a whole answer of a server.

    Raises
    ------
    BadGateway
        If the answer is an error, or has no such list; with its words.
    """
    error, items = find_error(answer), answer.get(name)
    if error or not isinstance(items, list):
        reason = session.response(read_message(error or answer))
        raise BadGateway(f"{server} answered without {name}{reason and f': {reason}'}.")
    return items


async def is_done(posting: "asyncio.Future[UpstreamResponse]", context: RequestContext) -> bool:
    """Wait for an upstream's answer; return False, and cancel the request to it, if the client disconnects first."""
    waiting = [posting] if context.disconnected is None else [posting, context.disconnected]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return posting.done()
    finally:
        if not posting.done():
            posting.cancel()
            await asyncio.gather(posting, return_exceptions=True)
            if not posting.cancelled() and posting.exception() is None:
                posting.result().response.close()


async def read_pieces(
    upstream_response: UpstreamResponse, events: ChatStream, call: Call, context: RequestContext, slot: Slot
) -> AsyncGenerator[bytes]:
    """Yield what may go out of an upstream's stream, until it ends, is blocked, or the client disconnects; add all of it to a slot."""
    silent, received = True, 0
    try:
        while data := await read_available(upstream_response):
            slot.add(data)
            out = events.feed(data)
            if events.received > received:
                received = events.received
                upstream_response.record_progress()
            if silent and events.has_text:
                silent = False
                call.record_first_token(upstream_response.model)
            if out and not context.is_disconnected:
                yield out
            if events.ended or events.blocked:
                return
    except BROKEN as error:
        if context.is_disconnected:  # the response was closed because of that
            return
        if isinstance(error, BrokenStreamError) or not events.is_complete:
            raise
    if not context.is_disconnected and (out := events.finish()):
        yield out
