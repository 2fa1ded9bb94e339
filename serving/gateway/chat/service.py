"""Chat and embeddings: content policy, budget, upstream, content policy, ledger.

HTTP is in `endpoints`, the events of a stream in `stream`.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any

from guard_core.settings import Settings
from guard_store.spending.amounts import Amount
from serving.audit.bodies import BodyRecorder, record_bodies
from serving.audit.context import RequestContext
from serving.gateway.calls.answer_cache import AnswerCache, StoredAnswer
from serving.gateway.calls.call import Call, CallRequest
from serving.gateway.calls.gateway import Gateway
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.calls.report import CallReport
from serving.gateway.calls.tokens import estimate, read_usage
from serving.gateway.chat.answers import WholeAnswer, is_done, read_charged, read_pieces, require_list
from serving.gateway.chat.checks import check_request
from serving.gateway.chat.schemas import validate_request
from serving.gateway.chat.stream import ChatStream
from serving.gateway.chat.texts import count_bytes, rewrite
from serving.gateway.policy.book import PolicyBook
from serving.gateway.prompts.book import PromptBook
from serving.gateway.protocols.chat import CHAT
from serving.gateway.protocols.fields import read_end_user, read_model
from serving.gateway.protocols.protocol import EventWriter, ModelRequest, Protocol, TranslatedProtocol
from serving.gateway.protocols.responses.ids import PREVIOUS_RESPONSE, ResponseIds
from serving.gateway.protocols.responses.protocol import RESPONSES
from serving.gateway.upstreams.decoding import decode_json
from serving.gateway.upstreams.problems import UpstreamProblem
from serving.gateway.upstreams.reading import BROKEN, UsageMeter, read_json, stream_problem
from serving.gateway.upstreams.upstream import Attempts, UpstreamResponse
from serving.http.problems import ClientDisconnected, NotFound, Unprocessable
from serving.http.raw_request import encode_json

_log = logging.getLogger(__name__)
_EMBEDDINGS = "/embeddings"


class ChatService:
    """Forwards chat and embeddings requests to the upstreams."""

    def __init__(
        self, settings: Settings, gateway: Gateway, policies: PolicyBook, prompts: PromptBook, bodies: BodyRecorder
    ) -> None:
        self._settings = settings
        self._gateway = gateway
        self._policies = policies
        self._prompts = prompts
        self._bodies = bodies
        self._cache = AnswerCache(settings)
        self._response_ids = ResponseIds(settings.llm.api_key)

    @property
    def max_body_bytes(self) -> int:
        """Return the maximum size of a body in bytes, decompressed."""
        return self._settings.server.max_body_bytes

    def read(self, body: dict[str, Any], protocol: Protocol) -> ModelRequest:
        """Validate a request of a protocol; raises `Unprocessable`."""
        llm = self._settings.llm
        return validate_request(body, protocol, self._prompts, default_model=llm.model, most_out=llm.max_tokens)

    async def chat(self, request: ModelRequest, context: RequestContext, report: CallReport) -> bytes:
        """Return the whole answer to a request as JSON, once the call is settled.

        Raises
        ------
        Problem
            If policy or budget do not allow it, or no upstream answers.
        """
        session = self._check_model_request(request, context)
        call_request = self._call_request(request, context)
        keeps = await self._keep_request(request.body, session, context)
        slot = self._cache.slot(request.body, request.protocol, context)
        if slot.stored is not None:
            report.record_cache_hit(slot.stored, session.unread_kinds)
            own_answer = decode_json(slot.stored.data)
            protocol, server = slot.stored.protocol, slot.stored.server
            checked = WholeAnswer(own_answer, protocol, server, call_request.tokens_in, session).check(request)
            if keeps:
                record_bodies(context.entry, session.vault, request.body, checked)
            return encode_json(checked)
        async with self._gateway.call(call_request, context) as call:
            upstream_response = await self._post(request.body, request.protocol, session, context)
            report.record_response(upstream_response, session.unread_kinds)
            upstream = upstream_response.upstream
            own_answer = await read_charged(upstream_response, UsageMeter(call_request.tokens_in), call)
            slot.add_json(own_answer)
            whole = WholeAnswer(own_answer, upstream.protocol, upstream.name, call_request.tokens_in, session)
            slot.keep(upstream_response)
            usage = call.record_usage(whole.usage, upstream_response.model, upstream.base_url)
            report.cost_nano_usd = usage.cost_nano_usd
            checked = whole.check(request)
            if keeps:
                record_bodies(context.entry, session.vault, request.body, checked)
            if call.is_evaluated:
                call.record_answer(whole.evaluate(request.prompt))
            body = encode_json(checked)
            await call.settle("blocked" if session.blocked else "ok", body)
            return body

    async def stream(self, request: ModelRequest, context: RequestContext, report: CallReport) -> AsyncGenerator[bytes]:
        """Yield the events of a streamed answer as bytes; the last of them once the call is settled.

        A client that disconnects ends the call at the upstream; the tokens produced so far are charged.

        Raises
        ------
        Problem
            As `chat`, or if the upstream's stream breaks.
        """
        session = self._check_model_request(request, context)
        call_request = self._call_request(request, context)
        keeps = await self._keep_request(request.body, session, context)
        context.entry.details["stream"] = True
        slot = self._cache.slot(request.body, request.protocol, context)
        if slot.stored is not None:
            answer = self._repeat_stream(slot.stored, request, call_request, session, context, report, keeps=keeps)
            await self._gateway.record_without_call(context.entry, answer)  # a client that reads the end can rely on it
            yield answer
            return
        async with self._gateway.call(call_request, context) as call:
            upstream_response = await self._post_while_connected(request, call, session, context)
            report.record_response(upstream_response, session.unread_kinds)
            writer = request.protocol.writer(request, call_request.tokens_in)
            context.entry.stream_error = writer.format_error
            protocol = upstream_response.upstream.protocol
            events = self._events(protocol, writer, request, call_request, session, keeps=keeps or call.is_evaluated)
            try:
                async with aclosing(read_pieces(upstream_response, events, call, context, slot)) as pieces:
                    async for piece in pieces:
                        yield piece
            except BROKEN as error:
                _log.warning("a stream broke: %s", type(error).__name__)
                raise stream_problem(error) from error
            finally:
                if events.ended:  # the connection serves the next call
                    upstream_response.response.release()
                else:
                    upstream_response.response.close()
                session.add(events.findings)
                if keeps:
                    _record_streamed(events, request, session, context)
                usage = call.record_usage(events.usage, upstream_response.model, upstream_response.upstream.base_url)
                report.cost_nano_usd = usage.cost_nano_usd
            if call.is_evaluated:
                call.record_answer(events.evaluate(request.prompt))
            if events.ended and not events.blocked:
                slot.keep(upstream_response)
            ending = report.closing_comment() + writer.end(usage)
            if context.is_disconnected:
                await call.settle("aborted")
            else:
                await call.settle("blocked" if events.blocked else "ok", ending)
        if not context.is_disconnected:  # a client that reads the end can rely on the call being in the ledger
            yield ending

    async def embed(self, body: dict[str, Any], context: RequestContext, report: CallReport) -> bytes:
        """Return the answer to an embeddings request as JSON, once the call is settled; raises as `chat`."""
        model = read_model(body)
        if not isinstance(body.get("input"), str | list) or not body["input"]:
            raise Unprocessable("input: must be a text or a list of texts.", param="input")
        read_end_user(body, CHAT.end_user_paths)  # raises before anything is noted in the ledger entry
        session = self._check_request(body, CHAT, context)
        await self._keep_request(body, session, context)  # the response is not kept: vectors mean nothing to a reader
        tokens_in = estimate(count_bytes(body["input"]))
        call_request = CallRequest(model, tokens_in, 0, read_end_user(body, CHAT.end_user_paths))
        context.entry.note(end_user=call_request.end_user)
        slot = self._cache.slot(body, CHAT, context, _EMBEDDINGS)
        if slot.stored is not None:
            report.record_cache_hit(slot.stored, session.unread_kinds)
            return slot.stored.data
        async with self._gateway.call(call_request, context) as call:
            upstream_response = await self._post(body, CHAT, session, context, path=_EMBEDDINGS)
            report.record_response(upstream_response, session.unread_kinds)
            answer = await read_charged(upstream_response, UsageMeter(tokens_in), call)
            require_list(answer, "data", upstream_response.upstream.name, session)
            slot.add_json(answer)
            slot.keep(upstream_response)
            usage = read_usage(answer.get("usage")) or Amount(tokens_in=tokens_in, estimated=True)
            usage = call.record_usage(usage, upstream_response.model, upstream_response.upstream.base_url)
            report.cost_nano_usd = usage.cost_nano_usd
            response = encode_json(answer)
            await call.settle("ok", response)
            return response

    async def count_tokens(
        self, body: dict[str, Any], protocol: TranslatedProtocol, context: RequestContext
    ) -> dict[str, Any]:
        """Return the tokens of a prompt, as a server of the same protocol counts them, else as an estimate.

        Raises
        ------
        Problem
            As `chat`; it costs nothing, so no budget refuses it.
        """
        request = protocol.read_prompt(body, default_model=self._settings.llm.model)
        session = self._check_model_request(request, context)
        if not any(upstream.protocol is protocol for upstream in self._gateway.upstreams.serving(request.model)):
            return protocol.format_count(estimate(_count_prompt(body, protocol)))
        upstream_response = await self._post(body, protocol, session, context, path=protocol.count_path)
        return await read_json(upstream_response)

    async def models(self) -> Mapping[str, Any]:
        """Return the models of the servers of the first pool, and of fallbacks whose models are set."""
        self.require_upstream()
        return {"object": "list", "data": await self._gateway.upstreams.list_models()}

    async def model(self, model_id: str) -> Mapping[str, Any]:
        """Return a model from the servers' lists: not every server answers for a single model.

        Raises
        ------
        NotFound
            If no server lists it.
        """
        self.require_upstream()
        for model in await self._gateway.upstreams.list_models():
            if model.get("id") == model_id:
                return model
        raise NotFound(
            f"The model {model_id!r} does not exist; GET /v1/models lists those that do.", code="model_not_found"
        )

    def require_upstream(self) -> None:
        """Require a server of language models.

        Raises
        ------
        NotFound
            If none is configured; the message says how to configure one.
        """
        if not self._gateway.upstreams:
            raise NotFound(
                "No language model is set up here: an operator names an OpenAI-compatible server in ML_GUARD_LLM_BASE_URL.",
                code="model_not_found",
            )

    def _check_request(self, body: dict[str, Any], protocol: Protocol, context: RequestContext) -> PolicySession:
        """Apply the content policy to a request: redact its texts in place, or raise `Forbidden`."""
        self.require_upstream()
        session = PolicySession(self._policies.of(context.project_id), context.route, context.entry)
        check_request(body, session, protocol)
        return session

    async def _keep_request(self, body: dict[str, Any], session: PolicySession, context: RequestContext) -> bool:
        """Keep the request's body if the project has bodies kept; return whether it has."""
        keeps = await self._bodies.is_enabled(context.project_id)
        if keeps:
            record_bodies(context.entry, session.vault, body)
        return keeps

    def _check_model_request(self, request: ModelRequest, context: RequestContext) -> PolicySession:
        """Replace the id of a stored response that a request refers to with the server's, then apply the content policy.

        Raises
        ------
        Unprocessable, Forbidden
            If the id is not one of the project's, or the policy blocks the request.
        """
        if request.protocol is RESPONSES:
            project_id = context.project_id or ""
            request.seal = partial(self._response_ids.seal, project_id=project_id)
            if request.body.get(PREVIOUS_RESPONSE):
                opened = self._response_ids.open(request.body[PREVIOUS_RESPONSE], project_id)
                request.body[PREVIOUS_RESPONSE] = opened
        return self._check_request(request.body, request.protocol, context)

    @staticmethod
    def _events(
        protocol: Protocol,
        writer: EventWriter,
        request: ModelRequest,
        call_request: CallRequest,
        session: PolicySession,
        *,
        keeps: bool,
    ) -> ChatStream:
        """Return the reader of a stream in a server's protocol."""
        return ChatStream(
            session,
            protocol.events(),
            writer,
            wants_usage=request.wants_usage,
            prompt_tokens=call_request.tokens_in,
            keeps_texts=keeps,
        )

    def _repeat_stream(
        self,
        stored: StoredAnswer,
        request: ModelRequest,
        call_request: CallRequest,
        session: PolicySession,
        context: RequestContext,
        report: CallReport,
        *,
        keeps: bool,
    ) -> bytes:
        """Return a stored stream in one piece; it costs nothing."""
        report.record_cache_hit(stored, session.unread_kinds)
        writer = request.protocol.writer(request, call_request.tokens_in)
        context.entry.stream_error = writer.format_error
        events = self._events(stored.protocol, writer, request, call_request, session, keeps=keeps)
        try:
            out = events.feed(stored.data)
            if not (events.ended or events.blocked):
                out += events.finish()
        except BROKEN as error:  # the policy has changed since, and cannot judge what it was given in pieces
            raise stream_problem(error) from error
        finally:
            session.add(events.findings)
        if keeps:
            _record_streamed(events, request, session, context)
        return out + report.closing_comment() + writer.end(events.usage)

    def _call_request(self, request: ModelRequest, context: RequestContext) -> CallRequest:
        user = read_end_user(request.body, request.protocol.end_user_paths)
        context.entry.note(end_user=user)
        if request.prompt is not None:
            context.entry.note(prompt=request.prompt.id, prompt_hash=request.prompt.hash)
        tokens_in = estimate(_count_prompt(request.body, request.protocol))
        return CallRequest(request.model, tokens_in, request.tokens_out, user)

    async def _post(
        self,
        body: Mapping[str, Any],
        protocol: Protocol,
        session: PolicySession,
        context: RequestContext,
        path: str | None = None,
        attempts: Attempts | None = None,
    ) -> UpstreamResponse:
        try:
            upstream_response = await self._gateway.upstreams.post(body, protocol, path=path, attempts=attempts)
        except UpstreamProblem as problem:
            body = rewrite(problem.body, session.response)
            raise UpstreamProblem(problem.status, body, problem.retry_after) from None
        details = {"attempts": upstream_response.attempts, "upstream": upstream_response.upstream.name}
        context.entry.details.update(details)
        return upstream_response

    async def _post_while_connected(
        self, request: ModelRequest, call: Call, session: PolicySession, context: RequestContext
    ) -> UpstreamResponse:
        """Post a request whose client may disconnect before the answer begins.

        Raises
        ------
        ClientDisconnected
            If it does; the question is charged, because the upstream has read it.
        """
        attempts = Attempts()
        posting = asyncio.ensure_future(self._post(request.body, request.protocol, session, context, attempts=attempts))
        if not await is_done(posting, context):
            if (upstream := attempts.upstream) is not None:
                usage = Amount(tokens_in=call.estimated_tokens_in, estimated=True)
                call.record_usage(usage, upstream.model_of(request.model), upstream.base_url)
            raise ClientDisconnected
        upstream_response = posting.result()
        if context.disconnected is not None:
            context.disconnected.add_done_callback(lambda _: upstream_response.response.close())
        return upstream_response


def _record_streamed(
    events: ChatStream, request: ModelRequest, session: PolicySession, context: RequestContext
) -> None:
    """Add the bodies of a request and of its streamed answer to the ledger entry."""
    record_bodies(context.entry, session.vault, request.body, {"stream": True, "choices": events.texts()})


def _count_prompt(body: Mapping[str, Any], protocol: Protocol) -> int:
    """Return the UTF-8 bytes of a request's prompt."""
    return sum(count_bytes(body[name]) for name in protocol.prompt_fields if name in body)
