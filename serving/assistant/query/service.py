"""Answers a question: content policy, search, budget, model or extraction, content policy, ledger.

HTTP is in `endpoints`; `answer_builder` builds the text of an answer and its citations.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final

from guard_core.settings import LlmSettings
from guard_core.units import NANO
from guard_store.spending.amounts import Amount
from ml.knowledge.answers import collect_candidates
from serving.assistant.knowledge.passages import Passage, SearchResult
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.query import metrics
from serving.assistant.query.answer_builder import AnswerBuilder
from serving.assistant.query.extracting import extract_answer
from serving.assistant.query.schemas import QueryAnswer, QueryRequest, Timings, Tokens
from serving.audit.bodies import BodyRecorder, record_bodies
from serving.audit.context import RequestContext
from serving.gateway.calls.call import Call, CallRequest, Outcome
from serving.gateway.calls.gateway import Gateway
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.calls.tokens import estimate
from serving.gateway.evaluations.answers import Answer
from serving.gateway.evaluations.refusals import is_refusal
from serving.gateway.policy.book import PolicyBook
from serving.gateway.prompts.book import PromptBook
from serving.gateway.prompts.template import Prompt
from serving.gateway.upstreams.problems import UpstreamProblem
from serving.gateway.upstreams.reading import BROKEN, UsageMeter, read_text, stream_problem, stream_text
from serving.gateway.upstreams.upstream import Attempts, UpstreamResponse
from serving.http.problems import BadGateway
from serving.http.raw_request import encode_json
from serving.http.server_sent_events import format_event

EXTRACTIVE: Final = "extractive"
"""The model name of answers that consist of sentences of the sources."""
_PROMPT = "query"


@dataclass(frozen=True, slots=True)
class _Material:
    """A question and its passages, redacted by the content policy.

    Attributes
    ----------
    words : the question without placeholders, for the search.
    sources : the passages unredacted.
    keeps : whether the project keeps bodies.
    search_ms : how long the search took.
    searched_at : when it ended, on the clock of `time.perf_counter`.
    """

    question: str
    words: str
    search: SearchResult
    passages: tuple[Passage, ...]
    sources: tuple[Passage, ...]
    session: PolicySession
    keeps: bool
    search_ms: float
    searched_at: float


@dataclass(frozen=True, slots=True)
class _Ending:
    """The end of an answer whose call is to be settled: its last text, and the whole answer."""

    text: str
    answer: QueryAnswer
    call: Call
    outcome: Outcome


class QueryService:
    """Answers questions from the knowledge base."""

    def __init__(
        self,
        settings: LlmSettings,
        gateway: Gateway,
        policies: PolicyBook,
        prompts: PromptBook,
        knowledge: KnowledgeService,
        bodies: BodyRecorder,
    ) -> None:
        self._settings = settings
        self._gateway = gateway
        self._policies = policies
        self._prompts = prompts
        self._knowledge = knowledge
        self._bodies = bodies

    async def answer(
        self, request: QueryRequest, context: RequestContext, render: Callable[[QueryAnswer], bytes] = encode_json
    ) -> bytes:
        """Return the whole answer, once its call is settled.

        Parameters
        ----------
        render : renders the answer as the body of the response, whose hash is on the ledger; JSON by default.

        Raises
        ------
        Problem
            If policy or budget do not allow it, or no upstream answers.
        """
        async with aclosing(self._pieces(request, context)) as pieces:
            async for piece in pieces:
                if isinstance(piece, _Ending):
                    answer = replace(piece.answer, answer="") if "withheld" in piece.answer.flags else piece.answer
                    body = render(answer)
                    await piece.call.settle(piece.outcome, body)
                    return body
        raise BadGateway("The answer is incomplete.")

    async def stream(self, request: QueryRequest, context: RequestContext) -> AsyncGenerator[bytes]:
        """Yield the answer as server-sent events: `text` as it arrives, then, once the call is settled, `citations`, `answer`, `end`.

        Raises
        ------
        Problem
            As `answer`.
        """
        async with aclosing(self._pieces(request, context)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    yield format_event({"text": piece}, "text")
                    continue
                last = format_event({"text": piece.text}, "text") if piece.text else b""
                last += format_event(piece.answer.citations, "citations")
                last += format_event(piece.answer, "answer") + format_event({}, "end")
                await piece.call.settle(piece.outcome, last)
                yield last

    async def _pieces(self, request: QueryRequest, context: RequestContext) -> AsyncGenerator[str | _Ending]:
        """Yield released texts, then the ending; settle its call before advancing the generator."""
        material = await self._search(request, context)
        builder = AnswerBuilder(
            material.question, material.passages, material.sources, material.session, grounded=request.grounded
        )
        model = self._model
        # A grounded answer cites passages: without any, there is no point in paying a model to decline.
        if model is None or (request.grounded and not material.passages):
            pieces = self._extract(material, builder, context)
        else:
            pieces = self._generate(model, request, material, builder, context)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    @property
    def _model(self) -> str | None:
        if self._settings.answerer == "extractive" or not self._gateway.upstreams:
            return None
        return self._settings.model

    async def _search(self, request: QueryRequest, context: RequestContext) -> _Material:
        session = PolicySession(self._policies.of(context.project_id), context.route, context.entry)
        question = session.request(request.question)
        words = session.vault.remove_placeholders(question)
        keeps = await self._bodies.is_enabled(context.project_id)
        if keeps:
            record_bodies(context.entry, session.vault, {"question": question})
        started = time.perf_counter()
        search = await self._knowledge.search(words, request.top_k)
        searched_at = time.perf_counter()
        context.entry.details.update(retrieval=search.retrieval, knowledge_version=search.version)
        sources, passages = [], []
        for passage in search.passages:
            text = session.passage(passage.text)
            if text is not None:
                sources.append(passage)
                passages.append(replace(passage, text=text))
        search_ms = _milliseconds(searched_at - started)
        return _Material(
            question, words, search, tuple(passages), tuple(sources), session, keeps, search_ms, searched_at
        )

    async def _extract(
        self, material: _Material, builder: AnswerBuilder, context: RequestContext
    ) -> AsyncGenerator[str | _Ending]:
        """Answer with sentences of the sources."""
        sentences = collect_candidates(material.passages)
        tokens_in = estimate(len(material.question.encode()))
        most = estimate(sum(len(sentence.text.encode()) for sentence in sentences))
        async with self._gateway.call(CallRequest(EXTRACTIVE, tokens_in, most, without_upstream=True), context) as call:
            retrieval = material.search.retrieval
            extract = await extract_answer(self._knowledge, material.words, material.passages, sentences, retrieval)
            context.entry.details.update(reason=extract.reason, evidence=round(extract.evidence, 3))
            text = builder.add_sentences(extract.sentences)
            rest = builder.finish()
            usage = Amount(tokens_in=tokens_in, tokens_out=estimate(len(builder.text.encode())), estimated=True)
            usage = call.record_usage(usage, EXTRACTIVE, None)
            if text:
                yield text
            yield _ending(rest, call, builder, material, context, usage, EXTRACTIVE, None)

    async def _generate(
        self, model: str, request: QueryRequest, material: _Material, builder: AnswerBuilder, context: RequestContext
    ) -> AsyncGenerator[str | _Ending]:
        """Answer with a model's text, checked against the passages."""
        prompt = self._prompts.get(_PROMPT)
        body = _body(prompt, model, request, material)
        context.entry.note(prompt=prompt.id, prompt_hash=prompt.hash)
        tokens_in = estimate(sum(len(message["content"].encode()) for message in body["messages"]))
        tokens_out = int(body.get("max_tokens", self._settings.max_tokens))
        async with self._gateway.call(CallRequest(model, tokens_in, tokens_out), context) as call:
            upstream_response = await self._post(body, call, context)
            base_url = upstream_response.upstream.base_url
            meter = UsageMeter(tokens_in)
            try:
                async with aclosing(_texts(upstream_response, meter, call, stream=request.stream)) as texts:
                    async for text in texts:
                        released = builder.add_piece(text)
                        if released:
                            yield released
                        if builder.withheld:
                            break
                rest = builder.finish()
            except BROKEN as error:
                raise stream_problem(error) from error
            finally:
                upstream_response.response.close()
                usage = call.record_usage(meter.usage, upstream_response.model, base_url)
            ending = _ending(rest, call, builder, material, context, usage, upstream_response.model, prompt)
            if call.is_evaluated:
                call.record_answer(_evaluate(builder, material.session, prompt, stream=request.stream))
            yield ending

    async def _post(self, body: dict[str, Any], call: Call, context: RequestContext) -> UpstreamResponse:
        attempts = Attempts()
        try:
            upstream_response = await self._gateway.upstreams.post(body, attempts=attempts)
        except UpstreamProblem as problem:  # the request is ours, so the caller cannot fix it
            raise BadGateway(f"The model's server refused the question ({problem.status}).") from problem
        except asyncio.CancelledError:
            if (upstream := attempts.upstream) is not None:  # it has read the question
                usage = Amount(tokens_in=call.estimated_tokens_in, estimated=True)
                call.record_usage(usage, upstream.model_of(str(body["model"])), upstream.base_url)
            raise
        details = {"attempts": upstream_response.attempts, "upstream": upstream_response.upstream.name}
        context.entry.details.update(details)
        return upstream_response


def _body(prompt: Prompt, model: str, request: QueryRequest, material: _Material) -> dict[str, Any]:
    passages = [{"source": passage.source, "text": passage.text} for passage in material.passages]
    messages = prompt.render(question=material.question, passages=passages, grounded=request.grounded)
    streamed = {"stream": True} if request.stream else {}
    return {**prompt.model_hints, "model": model, "messages": messages, **streamed}


async def _texts(
    upstream_response: UpstreamResponse, meter: UsageMeter, call: Call, *, stream: bool
) -> AsyncGenerator[str]:
    """Yield the model's text, piece by piece if it is streamed."""
    if not stream:
        yield await read_text(upstream_response, meter)
        return
    silent = True
    async with aclosing(stream_text(upstream_response, meter)) as pieces:
        async for piece in pieces:
            if silent:
                call.record_first_token(upstream_response.model)
                silent = False
            yield piece


def _ending(
    rest: str,
    call: Call,
    builder: AnswerBuilder,
    material: _Material,
    context: RequestContext,
    usage: Amount,
    model: str,
    prompt: Prompt | None,
) -> _Ending:
    """Note the answer in the ledger entry, and return its ending."""
    citations = builder.citations()
    context.entry.details.update(declined=builder.declined, citations=len(citations), faults=list(builder.faults))
    if material.keeps:
        response = {"answer": builder.text, "citations": citations}
        record_bodies(context.entry, material.session.vault, {"question": material.question}, response)
    metrics.count_answer(context.route, material.search.retrieval, declined=builder.declined, faults=builder.faults)
    flags = material.session.flags
    answer = QueryAnswer(
        answer=builder.text,
        citations=citations,
        declined=builder.declined,
        retrieval=material.search.retrieval,
        model=model,
        prompt=None if prompt is None else prompt.id,
        tokens=Tokens.of(usage),
        cost_usd=None if usage.cost_nano_usd is None else usage.cost_nano_usd / NANO,
        flags=(*(flags.split(",") if flags else ()), *builder.faults),
        timings=Timings(material.search_ms, _milliseconds(time.perf_counter() - material.searched_at)),
        request_id=context.request_id,
    )
    return _Ending(rest, answer, call, "blocked" if builder.withheld else "ok")


def _evaluate(builder: AnswerBuilder, session: PolicySession, prompt: Prompt, *, stream: bool) -> Answer:
    """Return what is known of a model's answer, for its event."""
    return Answer(
        prompt=prompt.id,
        stream=stream,
        characters=len(builder.text),
        refused=builder.declined or is_refusal(builder.text),
        findings=session.finding_count,
        injection=session.found_injection,
        grounded=builder.supported_claims / builder.claims if builder.claims else None,
    )


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 1)
