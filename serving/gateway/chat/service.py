"""Chat and embeddings on their way: policy, budget, upstream, policy, ledger.

HTTP is `endpoints`; one stream's events are `stream`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from guard_core.settings import Settings
from guard_store.spending.amounts import Amount
from serving.audit.bodies import BodyKeeper, keep
from serving.audit.record import Record
from serving.auth.principal import Principal
from serving.gateway.calls.gateway import Asked, Call, Gate
from serving.gateway.calls.policy_session import Judging
from serving.gateway.calls.tokens import estimate, reported
from serving.gateway.chat.judged import judge_answer, judge_request
from serving.gateway.chat.schemas import ChatRequest, chat_request, end_user
from serving.gateway.chat.stream import ChatStream
from serving.gateway.chat.texts import rewrite, size
from serving.gateway.policy.book import PolicyBook
from serving.gateway.prompts.registry import PromptBook
from serving.gateway.upstreams.problems import UpstreamProblem
from serving.gateway.upstreams.reading import BrokenStreamError, arrived, whole
from serving.gateway.upstreams.upstreams import Answered
from serving.http.problems import BadGateway, NotFound, Unprocessable


class ChatService:
    """Passes requests on to the upstreams."""

    def __init__(
        self, settings: Settings, gate: Gate, policies: PolicyBook, prompts: PromptBook, bodies: BodyKeeper
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._policies = policies
        self._prompts = prompts
        self._bodies = bodies

    @property
    def max_body_bytes(self) -> int:
        """Bytes of a body at most, decompressed."""
        return self._settings.server.max_body_bytes

    def read(self, body: dict[str, Any]) -> ChatRequest:
        """Check a chat request; raises `Unprocessable`."""
        return chat_request(
            body, self._prompts, default_model=self._settings.llm.model, most_out=self._settings.llm.max_tokens
        )

    async def chat(
        self, request: ChatRequest, asker: Principal, project_id: str | None, record: Record, about: tuple[str, str]
    ) -> Mapping[str, Any]:
        """The whole answer to a chat request.

        Parameters
        ----------
        about : route and request id.

        Raises
        ------
        Problem
            Where policy or budget do not allow it, or no upstream answers.
        """
        judging = self._judged(request.body, project_id, record, about[0])
        asked = self._asked(request, asker, project_id, about, record)
        keeps = await self._keeps(request.body, project_id, judging, record)
        async with self._gate.call(asked, record) as call:
            answered = await self._post("/chat/completions", request.body, judging, record)
            answer = await whole(answered)
            if not isinstance(answer.get("choices"), list):
                raise BadGateway(f"{answered.upstream.name} answered without choices.")
            said = [choice.get("message") for choice in answer["choices"] if isinstance(choice, dict)]
            took = reported(answer.get("usage")) or Amount(
                tokens_in=asked.tokens_in, tokens_out=estimate(size(said)), estimated=True
            )
            judged = judge_answer(answer, judging)
            if keeps:
                keep(record, judging.vault, request.body, judged)
            call.settle(took, answered.model, answered.upstream.base_url, "blocked" if judging.blocked else "ok")
            return judged

    @contextlib.asynccontextmanager
    async def stream(
        self,
        request: ChatRequest,
        asker: Principal,
        project_id: str | None,
        record: Record,
        about: tuple[str, str],
        gone: "asyncio.Future[Any]",
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Events of a streamed answer, as bytes; settled when the block is left, however that happens.

        Parameters
        ----------
        gone : done when the caller has gone: the upstream is told at once, and what was produced is charged.
        """
        judging = self._judged(request.body, project_id, record, about[0])
        asked = self._asked(request, asker, project_id, about, record)
        keeps = await self._keeps(request.body, project_id, judging, record)
        record.details["stream"] = True
        async with self._gate.call(asked, record) as call:
            asking = asyncio.ensure_future(self._post("/chat/completions", request.body, judging, record))
            if not await _is_done(asking, gone):
                first = next(iter(self._gate.upstreams))  # it has read the question, if nothing else
                took = Amount(tokens_in=asked.tokens_in, estimated=True)
                call.settle(took, first.model_of(request.model), first.base_url, "aborted")
                raise BrokenStreamError("the caller has gone")
            answered = asking.result()
            events = ChatStream(
                judging, wants_usage=request.wants_usage, prompt_tokens=asked.tokens_in, keeps_texts=keeps
            )
            gone.add_done_callback(lambda _: answered.response.close())
            outcome = "aborted"
            try:
                yield _pieces(answered, events, call, gone)
                outcome = "blocked" if events.blocked else "ok" if events.ended else "aborted"
            except (BrokenStreamError, aiohttp.ClientError, TimeoutError, OSError):
                outcome = "aborted" if gone.done() else "error"
                raise
            finally:
                if events.ended:  # the connection serves the next call
                    answered.response.release()
                else:
                    answered.response.close()
                judging.add(events.findings)
                if keeps:
                    keep(record, judging.vault, request.body, {"stream": True, "choices": events.texts()})
                call.settle(events.took, answered.model, answered.upstream.base_url, outcome)

    async def embed(
        self, body: dict[str, Any], asker: Principal, project_id: str | None, record: Record, about: tuple[str, str]
    ) -> Mapping[str, Any]:
        """The answer to an embeddings request; raises as `chat`."""
        if not isinstance(body.get("model"), str) or not body["model"]:
            raise Unprocessable("model: must name a model.", param="model")
        if not isinstance(body.get("input"), str | list) or not body["input"]:
            raise Unprocessable("input: must be a text or a list of texts.", param="input")
        end_user(body)
        judging = self._judged(body, project_id, record, about[0])
        await self._keeps(body, project_id, judging, record)  # vectors say nothing to whoever reads the record
        tokens_in = estimate(size(body["input"]))
        asked = Asked(*about, asker, project_id, end_user(body), body["model"], tokens_in, 0)
        record.note(end_user=asked.end_user)
        async with self._gate.call(asked, record) as call:
            answered = await self._post("/embeddings", body, judging, record)
            answer = await whole(answered)
            took = reported(answer.get("usage")) or Amount(tokens_in=tokens_in, estimated=True)
            call.settle(took, answered.model, answered.upstream.base_url, "ok")
            return answer

    async def models(self) -> Mapping[str, Any]:
        """What may be asked for by name."""
        self.require_upstream()
        found = await self._gate.upstreams.get("/models")
        if not isinstance(found, dict) or not isinstance(found.get("data"), list):
            raise BadGateway("The server of language models does not list its models.")
        return found

    def require_upstream(self) -> None:
        """Say what to do where there is no server.

        Raises
        ------
        NotFound
            Where none is set.
        """
        if not self._gate.upstreams:
            raise NotFound(
                "No language model is set up here: an operator names an OpenAI-compatible server in ML_GUARD_LLM_BASE_URL.",
                code="model_not_found",
            )

    def _judged(self, body: dict[str, Any], project_id: str | None, record: Record, route: str) -> Judging:
        self.require_upstream()
        judging = Judging(self._policies.of(project_id), route, record)
        judge_request(body, judging)
        return judging

    async def _keeps(self, body: dict[str, Any], project_id: str | None, judging: Judging, record: Record) -> bool:
        """Whether the project keeps bodies; the request's is on record then."""
        keeps = await self._bodies.keeps(project_id)
        if keeps:
            keep(record, judging.vault, body)
        return keeps

    def _asked(
        self, request: ChatRequest, asker: Principal, project_id: str | None, about: tuple[str, str], record: Record
    ) -> Asked:
        asked_for = end_user(request.body)
        record.note(end_user=asked_for)
        if request.prompt is not None:
            record.note(prompt=request.prompt.id, prompt_hash=request.prompt.hash)
        tokens_in = estimate(sum(size(request.body[name]) for name in ("messages", "tools") if name in request.body))
        return Asked(*about, asker, project_id, asked_for, request.model, tokens_in, request.tokens_out)

    async def _post(self, path: str, body: Mapping[str, Any], judging: Judging, record: Record) -> Answered:
        try:
            answered = await self._gate.upstreams.post(path, body)
        except UpstreamProblem as problem:
            body = rewrite(problem.body, judging.response)
            raise UpstreamProblem(problem.status, body, problem.retry_after) from None
        record.details.update(attempts=answered.attempts, upstream=answered.upstream.name)
        return answered


async def _is_done(asking: "asyncio.Future[Answered]", gone: "asyncio.Future[Any]") -> bool:
    """Wait for an upstream's answer; False where the caller went first: then nobody is asked any more."""
    try:
        await asyncio.wait((asking, gone), return_when=asyncio.FIRST_COMPLETED)
        return asking.done()
    finally:
        if not asking.done():
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            if not asking.cancelled() and asking.exception() is None:
                asking.result().response.close()


async def _pieces(
    answered: Answered, events: ChatStream, call: Call, gone: "asyncio.Future[Any]"
) -> AsyncIterator[bytes]:
    silent = True
    while data := await arrived(answered.response.content):
        out = events.feed(data)
        if silent and events.has_spoken:
            silent = False
            call.first_token(answered.model)
        if out and not gone.done():
            yield out
        if events.ended or events.blocked:
            return
    if not gone.done():
        raise BrokenStreamError("the upstream ended the stream before its end")
