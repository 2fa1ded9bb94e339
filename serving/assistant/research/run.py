"""One research, step by step: every step is calls of tools, and nothing is done beside them that matters to its result."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from guard_store.spending.amounts import Amount
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.research.arguments import ReadPassage
from serving.assistant.research.material import Material, around, nearest
from serving.assistant.research.tools import ResearchTools
from serving.assistant.tools.errors import DeniedError
from serving.assistant.tools.executor import Called, ToolExecutor
from serving.assistant.tools.policy import ToolContext
from serving.gateway.calls.policy_session import PolicySession
from serving.http.problems import BadGateway, Forbidden, GatewayTimeout

TOP_K: Final = 24
WEB_TOP_K: Final = 5
_DOCUMENTS_MOST = 5
_TRIED_MOST = 10
_URLS_MOST = 3
MOST_CALLS: Final[Mapping[str, int]] = {"fetch": _TRIED_MOST + _URLS_MOST + WEB_TOP_K}
"""Calls of a tool at most; one unless said."""

_PAGE_PASSAGES: Final = 12
_MARKS = ".,;:!?)]}"
_url = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)

OnStep: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Called at the start and the end of each step."""


class Run:
    """One research.

    Attributes
    ----------
    calls : of tools, each with its step, in their order.
    read : the passages that were summed up.
    took : what the model took, which one, and its server; None where none was asked, without server where none answered.
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
        self._pages = [url.rstrip(_MARKS) for url in _url.findall(topic)][:_URLS_MOST]
        self._topic = " ".join(_url.sub(" ", topic).split()) or topic
        self._hits: list[ReadPassage] = []
        self._unavailable: list[str] = []
        self.material = Material(session)
        self.calls: list[tuple[str, Called]] = []
        self.retrieval: Any = "empty"
        self.read: list[ReadPassage] = []
        self.summary: dict[str, Any] | None = None
        self.withheld = False
        self.took: tuple[Amount, str, str | None] | None = None

    async def search(self) -> None:
        """Find passages and pages."""
        found = _required(await self._call("search", "search", {"topic": self._topic, "top_k": TOP_K}))
        self.retrieval = found["retrieval"]
        self._hits = await asyncio.to_thread(self.material.judged, found["passages"], "knowledge")
        self.material.add(self._hits)
        if self._tools.web is not None:
            called = await self._call("search", "web_search", {"topic": self._topic, "top_k": WEB_TOP_K})
            if called.outcome == "ok":
                self._take_web(called.result["hits"])
            else:
                self._unavailable.append("web_search")

    async def fetch(self) -> None:
        """Read the documents of the best passages around them, and the pages whose host is allowed."""
        tried = 0
        documents = 0
        for source in dict.fromkeys(passage.source for passage in self._hits):
            if documents == _DOCUMENTS_MOST or tried == _TRIED_MOST:
                break
            if self.material.sources[source].trusted:
                tried += 1
                await self._fetch_document(source)
                documents += self.material.sources[source].trusted
        pages = [self._call_tool("fetch", {"url": url}) for url in self._pages]
        for url, called in zip(self._pages, await asyncio.gather(*pages), strict=True):
            self.calls.append(("fetch", called))
            await self._take_page(url, called)

    async def summarize(self) -> None:
        """Put together what the passages say."""
        passages = await self._with_similarity(self.material.trusted())
        self.read = nearest(self._topic, passages)
        plain = [passage.model_dump() for passage in self.read]
        said: str | None = None
        if self._tools.model is not None and self.read:
            said = self._session.response(await self._said(self._tools.model, plain))
            self.withheld = self._session.blocked
        arguments = {"topic": self._topic, "passages": plain, "said": said}
        self.summary = _required(await self._call("summarize", "summarize", arguments))

    async def risk_check(self) -> dict[str, Any]:
        """Count and weigh what speaks against it."""
        read = list(self.material.passages.values())
        summary = self.summary or {"findings": [], "dropped": {}}
        arguments = {
            "topic": self._topic,
            "read": [{"source": one.source, "text": one.text} for one in read],
            "findings": [
                {"text": finding["text"], "sources": self.sources_of(finding)} for finding in summary["findings"]
            ],
            "unsupported": sum(summary["dropped"].values()),
            "unavailable": self._unavailable,
            "summed_up": self.summary is not None,
        }
        found: dict[str, Any] = _required(await self._call("risk_check", "risk_check", arguments))
        return found

    def sources_of(self, finding: Mapping[str, Any]) -> list[str]:
        """The sources that a finding quotes."""
        return list(dict.fromkeys(self.read[quote["passage"]].source for quote in finding["quotes"]))

    async def _said(self, model: str, passages: Sequence[Mapping[str, Any]]) -> str:
        """What the model says; what it took is known however that ends."""
        self.took = (Amount(), model, None)
        try:
            called = await self._call("summarize", "ask_model", {"topic": self._topic, "passages": passages})
        except asyncio.CancelledError:
            self.took = self._tools.taken_unheard(self._topic, self.read)
            raise
        if called.outcome == "timeout":
            self.took = self._tools.taken_unheard(self._topic, self.read)
        answered = _required(called)
        self.took = (Amount(**answered["took"]), answered["model"], answered["base_url"])
        said: str = answered["said"]
        return said

    async def _call(self, step: str, tool: str, arguments: Mapping[str, Any]) -> Called:
        called = await self._call_tool(tool, arguments)
        self.calls.append((step, called))
        return called

    async def _call_tool(self, tool: str, arguments: Mapping[str, Any]) -> Called:
        return await self._executor.call(tool, arguments, self._context)

    def _take_web(self, hits: Sequence[Mapping[str, str]]) -> None:
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
        called = await self._call("fetch", "fetch", {"source": source})
        if called.outcome != "ok":
            self.material.sources[source].note = called.reason
            self._unavailable.append(source)
            return
        passages = await asyncio.to_thread(self.material.judged, called.result["passages"], "knowledge")
        self.material.add(around(passages, [hit.place for hit in self._hits if hit.source == source]))

    async def _take_page(self, url: str, called: Called) -> None:
        if called.outcome != "ok":
            self.material.source(url, "web").note = called.reason
            self._unavailable.append(url)
            return
        passages = await asyncio.to_thread(self.material.judged, called.result["passages"], "web")
        self.material.add(nearest(self._topic, passages, _PAGE_PASSAGES))

    async def _with_similarity(self, passages: Sequence[ReadPassage]) -> list[ReadPassage]:
        """The passages with their similarity to the topic, where a model can tell it."""
        without = [passage for passage in passages if passage.similarity is None]
        if self.retrieval != "hybrid" or not without:
            return list(passages)
        told = await self._knowledge.similarities(self._topic, [passage.text for passage in without])
        if told is None:
            return list(passages)
        near = {passage.chunk_id: round(value, 4) for passage, value in zip(without, told, strict=True)}
        return [
            passage
            if passage.similarity is not None
            else passage.model_copy(update={"similarity": near[passage.chunk_id]})
            for passage in passages
        ]


def _required(called: Called) -> Any:
    """The result of a call that nothing goes on without.

    Raises
    ------
    Forbidden, GatewayTimeout, BadGateway
        Where there is none.
    """
    match called.outcome:
        case "ok":
            return called.result
        case "denied":
            raise Forbidden(f"The research cannot go on: {called.reason}", code=called.rule, tool=called.tool)
        case "timeout":
            raise GatewayTimeout(f"The tool {called.tool} did not end in time.")
        case _:
            raise BadGateway(f"The tool {called.tool} failed: {called.reason}")
