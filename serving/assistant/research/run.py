"""One research, step by step: every step consists of tool calls, and nothing else affects its result."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from guard_store.spending.amounts import Amount
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.research.arguments import ReadPassage
from serving.assistant.research.material import Material, select_around, select_nearest
from serving.assistant.research.tools import ResearchTools
from serving.assistant.tools.errors import DeniedError
from serving.assistant.tools.executor import ToolExecutor, ToolResult
from serving.assistant.tools.policy import ToolContext
from serving.gateway.calls.policy_session import PolicySession
from serving.http.problems import BadGateway, Forbidden, GatewayTimeout

TOP_K: Final = 24
WEB_TOP_K: Final = 5
_MAX_DOCUMENTS = 5
_MAX_TRIED = 10
_MAX_URLS = 3
MAX_CALLS: Final[Mapping[str, int]] = {"fetch": _MAX_TRIED + _MAX_URLS + WEB_TOP_K}
"""Maximum calls by tool; one for all others."""

_PAGE_PASSAGES: Final = 12
_MARKS = ".,;:!?)]}"
_url = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)

OnStep: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Called at the start and the end of each step."""


class Run:
    """One research.

    Attributes
    ----------
    calls : results of tool calls in order, each with its step.
    read : the passages that were summarised.
    model_usage : usage, name and server URL of the model; None if none was called, without URL if none answered.
    """

    def __init__(
        self,
        executor: ToolExecutor,
        tools: ResearchTools,
        knowledge: KnowledgeService,
        context: ToolContext,
        session: PolicySession,
        topic: str,
    ) -> None:
        self._executor = executor
        self._tools = tools
        self._knowledge = knowledge
        self._context = context
        self._session = session
        self._pages = [url.rstrip(_MARKS) for url in _url.findall(topic)][:_MAX_URLS]
        self._topic = " ".join(_url.sub(" ", topic).split()) or topic
        self._hits: list[ReadPassage] = []
        self._unavailable: list[str] = []
        self.material = Material(session)
        self.calls: list[tuple[str, ToolResult]] = []
        self.retrieval: Any = "empty"
        self.read: list[ReadPassage] = []
        self.summary: dict[str, Any] | None = None
        self.withheld = False
        self.model_usage: tuple[Amount, str, str | None] | None = None

    async def search(self) -> None:
        """Search for passages and pages."""
        search = _required(await self._call("search", "search", {"topic": self._topic, "top_k": TOP_K}))
        self.retrieval = search["retrieval"]
        self._hits = await asyncio.to_thread(self.material.check, search["passages"], "knowledge")
        self.material.add(self._hits)
        if self._tools.web is not None:
            result = await self._call("search", "web_search", {"topic": self._topic, "top_k": WEB_TOP_K})
            if result.outcome == "ok":
                self._add_hits(result.result["hits"])
            else:
                self._unavailable.append("web_search")

    async def fetch(self) -> None:
        """Read the neighbourhood of the best passages in their documents, and the pages on allowed hosts."""
        tried = 0
        documents = 0
        for source in dict.fromkeys(passage.source for passage in self._hits):
            if documents == _MAX_DOCUMENTS or tried == _MAX_TRIED:
                break
            if self.material.sources[source].trusted:
                tried += 1
                await self._fetch_document(source)
                documents += self.material.sources[source].trusted
        pages = [self._call_tool("fetch", {"url": url}) for url in self._pages]
        for url, result in zip(self._pages, await asyncio.gather(*pages), strict=True):
            self.calls.append(("fetch", result))
            await self._add_page(url, result)

    async def summarize(self) -> None:
        """Summarise the passages."""
        passages = await self._with_similarity(self.material.trusted())
        self.read = select_nearest(self._topic, passages)
        plain = [passage.model_dump() for passage in self.read]
        text: str | None = None
        if self._tools.model is not None and self.read:
            text = self._session.response(await self._ask_model(self._tools.model, plain))
            self.withheld = self._session.blocked
        arguments = {"topic": self._topic, "passages": plain, "said": text}
        self.summary = _required(await self._call("summarize", "summarize", arguments))

    async def risk_check(self) -> dict[str, Any]:
        """Assess the risk of trusting the findings."""
        read = list(self.material.passages.values())
        summary = self.summary or {"findings": [], "dropped": {}}
        arguments = {
            "topic": self._topic,
            "read": [{"source": passage.source, "text": passage.text} for passage in read],
            "findings": [
                {"text": finding["text"], "sources": self.sources_of(finding)} for finding in summary["findings"]
            ],
            "unsupported": sum(summary["dropped"].values()),
            "unavailable": self._unavailable,
            "summed_up": self.summary is not None,
        }
        risk: dict[str, Any] = _required(await self._call("risk_check", "risk_check", arguments))
        return risk

    def sources_of(self, finding: Mapping[str, Any]) -> list[str]:
        """Return the sources that a finding quotes."""
        return list(dict.fromkeys(self.read[quote["passage"]].source for quote in finding["quotes"]))

    async def _ask_model(self, model: str, passages: Sequence[Mapping[str, Any]]) -> str:
        """Return the text of the model; set `model_usage` even if the call fails."""
        self.model_usage = (Amount(), model, None)
        try:
            result = await self._call("summarize", "ask_model", {"topic": self._topic, "passages": passages})
        except asyncio.CancelledError:
            self.model_usage = self._tools.estimate_unread(self._topic, self.read)
            raise
        if result.outcome == "timeout":
            self.model_usage = self._tools.estimate_unread(self._topic, self.read)
        answer = _required(result)
        self.model_usage = (Amount(**answer["took"]), answer["model"], answer["base_url"])
        text: str = answer["said"]
        return text

    async def _call(self, step: str, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        result = await self._call_tool(tool, arguments)
        self.calls.append((step, result))
        return result

    async def _call_tool(self, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        return await self._executor.call(tool, arguments, self._context)

    def _add_hits(self, hits: Sequence[Mapping[str, str]]) -> None:
        for hit in hits:
            source = self.material.source(hit["url"], "web")
            source.title = self._session.passage(hit["title"]) or ""
            try:
                self._tools.urls.check(hit["url"])
            except DeniedError as error:
                source.note = error.reason
            else:
                self._pages.append(hit["url"])
        self._pages = list(dict.fromkeys(self._pages))

    async def _fetch_document(self, source: str) -> None:
        result = await self._call("fetch", "fetch", {"source": source})
        if result.outcome != "ok":
            self.material.sources[source].note = result.reason
            self._unavailable.append(source)
            return
        passages = await asyncio.to_thread(self.material.check, result.result["passages"], "knowledge")
        self.material.add(select_around(passages, [hit.place for hit in self._hits if hit.source == source]))

    async def _add_page(self, url: str, result: ToolResult) -> None:
        if result.outcome != "ok":
            self.material.source(url, "web").note = result.reason
            self._unavailable.append(url)
            return
        passages = await asyncio.to_thread(self.material.check, result.result["passages"], "web")
        self.material.add(select_nearest(self._topic, passages, _PAGE_PASSAGES))

    async def _with_similarity(self, passages: Sequence[ReadPassage]) -> list[ReadPassage]:
        """Return the passages with their similarity to the topic, if there is an embedding model."""
        without = [passage for passage in passages if passage.similarity is None]
        if self.retrieval != "hybrid" or not without:
            return list(passages)
        similarities = await self._knowledge.similarities(self._topic, [passage.text for passage in without])
        if similarities is None:
            return list(passages)
        by_chunk = {passage.chunk_id: round(value, 4) for passage, value in zip(without, similarities, strict=True)}
        return [
            passage
            if passage.similarity is not None
            else passage.model_copy(update={"similarity": by_chunk[passage.chunk_id]})
            for passage in passages
        ]


def _required(result: ToolResult) -> Any:
    """Return the result of a call that the research depends on.

    Raises
    ------
    Forbidden, GatewayTimeout, BadGateway
        If the call was denied, timed out, or failed.
    """
    match result.outcome:
        case "ok":
            return result.result
        case "denied":
            raise Forbidden(f"The research cannot continue: {result.reason}", code=result.rule, tool=result.tool)
        case "timeout":
            raise GatewayTimeout(f"The tool {result.tool} did not finish in time.")
        case _:
            raise BadGateway(f"The tool {result.tool} failed: {result.reason}")
