"""A question on its way: policy, retrieval, policy, budget, who answers, policy, ledger.

HTTP is `endpoints`; an answer's text and citations are `writing`.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final

from guard_core.settings import Settings
from guard_core.units import NANO
from guard_store.spending.amounts import Amount
from ml.knowledge.answers import collect_candidates
from serving.assistant.knowledge.passages import Found, Passage
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.query import metrics
from serving.assistant.query.extracting import extracted
from serving.assistant.query.schemas import Event, QueryAnswer, QueryRequest, Tokens
from serving.assistant.query.writing import Writing
from serving.audit.bodies import BodyKeeper, keep
from serving.audit.record import Record
from serving.auth.principal import Principal
from serving.gateway.calls.gateway import Asked, Call, Gate
from serving.gateway.calls.policy_session import Judging
from serving.gateway.calls.tokens import estimate
from serving.gateway.policy.book import PolicyBook
from serving.gateway.prompts.registry import PromptBook
from serving.gateway.prompts.template import Prompt
from serving.gateway.upstreams.problems import UpstreamProblem
from serving.gateway.upstreams.reading import Meter, text, texts
from serving.gateway.upstreams.upstreams import Answered
from serving.http.problems import BadGateway

EXTRACTIVE: Final = "extractive"
"""What stands for a model where sentences of the sources answer."""
_PROMPT = "query"


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, for which project, on which route; `gone` is done when a stream's reader reads no more."""

    route: str
    request_id: str
    principal: Principal
    project_id: str | None
    record: Record
    gone: "asyncio.Future[Any]"


@dataclass(frozen=True, slots=True)
class _Material:
    """A question whose passages were found, all as the policy lets them go on; `keeps` where the project keeps bodies."""

    question: str
    words: str
    found: Found
    passages: tuple[Passage, ...]
    sources: tuple[Passage, ...]
    judging: Judging
    keeps: bool


class QueryService:
    """Answers questions from the knowledge base."""

    def __init__(
        self,
        settings: Settings,
        gate: Gate,
        policies: PolicyBook,
        prompts: PromptBook,
        knowledge: KnowledgeService,
        bodies: BodyKeeper,
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._policies = policies
        self._prompts = prompts
        self._knowledge = knowledge
        self._bodies = bodies

    async def answer(self, request: QueryRequest, asking: Asking) -> QueryAnswer:
        """The whole answer to a question.

        Raises
        ------
        Problem
            Where policy or budget do not allow it, or no upstream answers.
        """
        async with aclosing(self.events(request, asking)) as events:
            async for name, value in events:
                if name == "answer":
                    answer: QueryAnswer = value
                    return replace(answer, answer="") if "withheld" in answer.flags else answer
        raise BadGateway("The answer did not come to its end.")  # whoever asked has gone

    async def events(self, request: QueryRequest, asking: Asking) -> AsyncGenerator[Event]:
        """Pieces of the answer as they may go out, its citations, the whole answer; settled before the last of them."""
        material = await self._found(request, asking)
        writing = Writing(
            material.question, material.passages, material.sources, material.judging, grounded=request.grounded
        )
        model = self._model
        # Where there is nothing that a grounded answer could cite, no model need be paid to say so.
        if model is None or (request.grounded and not material.passages):
            events = self._extracted(material, writing, asking)
        else:
            events = self._written(model, request, material, writing, asking)
        async with aclosing(events):
            async for event in events:
                yield event

    @property
    def _model(self) -> str | None:
        if self._settings.llm.answerer == "extractive" or not self._gate.upstreams:
            return None
        return self._settings.llm.model

    async def _found(self, request: QueryRequest, asking: Asking) -> _Material:
        judging = Judging(self._policies.of(asking.project_id), asking.route, asking.record)
        question = judging.request(request.question)
        words = judging.vault.without(question)
        keeps = await self._bodies.keeps(asking.project_id)
        if keeps:
            keep(asking.record, judging.vault, {"question": question})
        found = await self._knowledge.search(words, request.top_k)
        asking.record.details.update(retrieval=found.retrieval, knowledge_version=found.version)
        sources, passages = [], []
        for passage in found.passages:
            text = judging.passage(passage.text)
            if text is not None:
                sources.append(passage)
                passages.append(replace(passage, text=text))
        return _Material(question, words, found, tuple(passages), tuple(sources), judging, keeps)

    async def _extracted(self, material: _Material, writing: Writing, asking: Asking) -> AsyncGenerator[Event]:
        sentences = collect_candidates(material.passages)
        tokens_in = estimate(len(material.question.encode()))
        most = estimate(sum(len(sentence.text.encode()) for sentence in sentences))
        async with self._gate.call(_asked(asking, EXTRACTIVE, tokens_in, most, free=True), asking.record) as call:
            retrieval = material.found.retrieval
            said = await extracted(self._knowledge, material.words, material.passages, sentences, retrieval)
            asking.record.details.update(reason=said.reason, evidence=round(said.evidence, 3))
            pieces = (writing.say_extracted(said.sentences), writing.finish())
            took = Amount(tokens_in=tokens_in, tokens_out=estimate(len(writing.text.encode())), estimated=True)
            answer = _ended(call, writing, material, asking, took, EXTRACTIVE)
        for piece in filter(None, pieces):
            yield "text", piece
        yield "citations", answer.citations
        yield "answer", answer

    async def _written(
        self, model: str, request: QueryRequest, material: _Material, writing: Writing, asking: Asking
    ) -> AsyncGenerator[Event]:
        prompt = self._prompts.get(_PROMPT)
        body = _body(prompt, model, request, material)
        asking.record.note(prompt=prompt.id, prompt_hash=prompt.hash)
        tokens_in = estimate(sum(len(message["content"].encode()) for message in body["messages"]))
        asked = _asked(asking, model, tokens_in, int(body.get("max_tokens", self._settings.llm.max_tokens)))
        answer: QueryAnswer | None = None
        async with self._gate.call(asked, asking.record) as call:
            answered = await self._post(body, asking.record)
            meter = Meter(tokens_in)
            try:
                async for piece in _said(answered, meter, call, asking, stream=request.stream):
                    released = writing.say_piece(piece)
                    if released:
                        yield "text", released
                    if writing.withheld:
                        break
                if not asking.gone.done():
                    rest = writing.finish()
                    answer = _ended(call, writing, material, asking, meter.took, answered.model, answered, prompt)
            finally:
                answered.response.close()
                if not call.settled:
                    outcome = "aborted" if asking.gone.done() else "error"
                    call.settle(meter.took, answered.model, answered.upstream.base_url, outcome)
        if answer is not None:
            if rest:
                yield "text", rest
            yield "citations", answer.citations
            yield "answer", answer

    async def _post(self, body: dict[str, Any], record: Record) -> Answered:
        try:
            answered = await self._gate.upstreams.post("/chat/completions", body)
        except UpstreamProblem as problem:  # of a request that is ours, not the caller's
            raise BadGateway(f"The model's server refused the question ({problem.status}).") from problem
        record.details.update(attempts=answered.attempts, upstream=answered.upstream.name)
        return answered


def _asked(asking: Asking, model: str, tokens_in: int, tokens_out: int, *, free: bool = False) -> Asked:
    about = (asking.route, asking.request_id, asking.principal, asking.project_id, None)
    return Asked(*about, model, tokens_in, tokens_out, free)


def _body(prompt: Prompt, model: str, request: QueryRequest, material: _Material) -> dict[str, Any]:
    passages = [{"source": passage.source, "text": passage.text} for passage in material.passages]
    messages = prompt.render(question=material.question, passages=passages, grounded=request.grounded)
    streamed = {"stream": True, "stream_options": {"include_usage": True}} if request.stream else {}
    return {**prompt.model_hints, "model": model, "messages": messages, **streamed}


async def _said(answered: Answered, meter: Meter, call: Call, asking: Asking, *, stream: bool) -> AsyncGenerator[str]:
    if not stream:
        yield await text(answered, meter)
        return
    silent = True
    async for piece in texts(answered, meter, asking.gone):
        if silent:
            call.first_token(answered.model)
            silent = False
        yield piece


def _ended(
    call: Call,
    writing: Writing,
    material: _Material,
    asking: Asking,
    took: Amount,
    model: str,
    answered: Answered | None = None,
    prompt: Prompt | None = None,
) -> QueryAnswer:
    citations = writing.citations()
    base_url = None if answered is None else answered.upstream.base_url
    took = call.settle(took, model, base_url, "blocked" if writing.withheld else "ok")
    asking.record.details.update(declined=writing.declined, citations=len(citations), faults=list(writing.faults))
    if material.keeps:
        told = {"answer": writing.text, "citations": citations}
        keep(asking.record, material.judging.vault, {"question": material.question}, told)
    metrics.answered(asking.route, material.found.retrieval, declined=writing.declined, faults=writing.faults)
    flags = material.judging.flags
    return QueryAnswer(
        answer=writing.text,
        citations=citations,
        declined=writing.declined,
        retrieval=material.found.retrieval,
        model=model,
        prompt=None if prompt is None else prompt.id,
        tokens=Tokens(took.tokens_in, took.tokens_cached, took.tokens_out, took.tokens_reasoning, took.estimated),
        cost_usd=None if took.cost_nano_usd is None else took.cost_nano_usd / NANO,
        flags=(*(flags.split(",") if flags else ()), *writing.faults),
        request_id=asking.request_id,
    )
