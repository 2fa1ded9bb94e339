"""Chat and embeddings on their way: policy, budget, upstream, policy, ledger.

HTTP is `endpoints`; one stream's events are `stream`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from guard_store.settings import Settings
from guard_store.spending import Amount
from serving.audit.record import Record
from serving.chat.schemas import ChatRequest, chat_request, end_user
from serving.chat.stream import ChatStream
from serving.chat.texts import REQUEST_FIELDS, rewrite, rewrite_message, size
from serving.errors import BadGateway, NotFound, Unprocessable
from serving.llm.gate import Asked, Call, Gate
from serving.llm.judging import Judging
from serving.llm.reading import BrokenStreamError, whole
from serving.llm.tokens import estimate, reported
from serving.llm.upstreams import Answered
from serving.policy import PolicyBook
from serving.prompts import PromptBook
from serving.security import Principal

_WITHHELD = "content_filter"
_MODELS_OWNER = "ml-guard"


class ChatService:
    """Passes requests on to the upstreams."""

    def __init__(self, settings: Settings, gate: Gate, policies: PolicyBook, prompts: PromptBook) -> None:
        self._settings = settings
        self._gate = gate
        self._policies = policies
        self._prompts = prompts

    @property
    def max_body_bytes(self) -> int:
        """Bytes of a body at most, decompressed."""
        return self._settings.max_body_bytes

    def read(self, body: dict[str, Any]) -> ChatRequest:
        """Check a chat request; raises `Unprocessable`."""
        return chat_request(
            body, self._prompts, default_model=self._settings.llm_model, most_out=self._settings.llm_max_tokens
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
        asked = self._asked(request, asker, project_id, about)
        _note(record, request)
        async with self._gate.call(asked, record) as call:
            answered = await self._gate.upstreams.post("/chat/completions", request.body)
            answer = await whole(answered)
            choices = answer.get("choices")
            if not isinstance(choices, list):
                raise BadGateway(f"{answered.upstream.name} answered without choices.")
            took = reported(answer.get("usage")) or Amount(
                tokens_in=asked.tokens_in,
                tokens_out=estimate(size([choice.get("message") for choice in choices])),
                estimated=True,
            )
            answer["choices"] = [_judged_choice(choice, judging) for choice in choices]
            record.details.update(attempts=answered.attempts, upstream=answered.upstream.name)
            call.settle(took, answered.model, answered.upstream.base_url, "blocked" if judging.blocked else "ok")
            return answer

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
        asked = self._asked(request, asker, project_id, about)
        _note(record, request)
        async with self._gate.call(asked, record) as call:
            answered = await self._gate.upstreams.post("/chat/completions", request.body)
            record.details.update(attempts=answered.attempts, upstream=answered.upstream.name, stream=True)
            events = ChatStream(
                judging.policy, judging.vault, wants_usage=request.wants_usage, prompt_tokens=asked.tokens_in
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
                answered.response.close()
                judging.add(events.findings)
                call.settle(events.took, answered.model, answered.upstream.base_url, outcome)

    async def embed(
        self, body: dict[str, Any], asker: Principal, project_id: str | None, record: Record, about: tuple[str, str]
    ) -> Mapping[str, Any]:
        """The answer to an embeddings request; raises as `chat`."""
        if not isinstance(body.get("model"), str) or not body["model"]:
            raise Unprocessable("model: must name a model.", param="model")
        if not isinstance(body.get("input"), str | list) or not body["input"]:
            raise Unprocessable("input: must be a text or a list of texts.", param="input")
        self._judged(body, project_id, record, about[0])
        tokens_in = estimate(size(body["input"]))
        asked = Asked(about[0], about[1], asker, project_id, end_user(body), body["model"], tokens_in, 0)
        record.note(end_user=asked.end_user)
        async with self._gate.call(asked, record) as call:
            answered = await self._gate.upstreams.post("/embeddings", body)
            answer = await whole(answered)
            took = reported(answer.get("usage")) or Amount(tokens_in=tokens_in, estimated=True)
            record.details.update(attempts=answered.attempts, upstream=answered.upstream.name)
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
        for name in REQUEST_FIELDS:
            if name in body:
                body[name] = rewrite(body[name], judging.request)
        return judging

    def _asked(self, request: ChatRequest, asker: Principal, project_id: str | None, about: tuple[str, str]) -> Asked:
        tokens_in = estimate(sum(size(request.body[name]) for name in ("messages", "tools") if name in request.body))
        return Asked(*about, asker, project_id, request.end_user, request.model, tokens_in, request.tokens_out)


async def _pieces(
    answered: Answered, events: ChatStream, call: Call, gone: "asyncio.Future[Any]"
) -> AsyncIterator[bytes]:
    silent = True
    async for data in answered.response.content.iter_any():
        out = events.feed(data)
        if silent and events.has_spoken:
            silent = False
            call.first_token(answered.model)
        if out:
            yield out
        if events.ended or events.blocked:
            return
        if gone.done():
            break
    if not gone.done():
        raise BrokenStreamError("the upstream ended the stream before its end")


def _judged_choice(choice: Any, judging: Judging) -> Any:
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        return choice
    was_blocked, judging.blocked = judging.blocked, False
    message = rewrite_message(choice["message"], judging.response)
    withheld = judging.blocked
    judging.blocked = was_blocked or withheld
    if withheld:
        return {**choice, "message": {"role": "assistant", "content": None}, "finish_reason": _WITHHELD}
    return {**choice, "message": message}


def _note(record: Record, request: ChatRequest) -> None:
    record.note(end_user=request.end_user)
    if request.prompt is not None:
        record.note(prompt=request.prompt.id, prompt_hash=request.prompt.hash)
