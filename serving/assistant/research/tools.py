"""The tools of research: each runs with arguments that were allowed, independent of any HTTP request."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from guard_core.settings import Settings
from guard_store.spending.amounts import Amount
from ml.knowledge.chunks import split_document
from ml.knowledge.documents import DocumentError, read_document
from serving.assistant.knowledge.passages import Passage
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.research.arguments import (
    FetchArguments,
    ModelArguments,
    ReadPassage,
    RiskArguments,
    SearchArguments,
    SummarizeArguments,
    WebSearchArguments,
)
from serving.assistant.research.material import MAX_READ_BYTES
from serving.assistant.research.risk import RiskFinding, RiskText, assess
from serving.assistant.research.summaries import extract_findings, verify_findings
from serving.assistant.research.web_search import WebSearch
from serving.assistant.tools.errors import ToolError
from serving.assistant.tools.policy import Tool, ToolContext, ToolPolicy
from serving.assistant.tools.web.fetcher import TYPES, Limits, Page, WebFetcher
from serving.assistant.tools.web.urls import UrlRules
from serving.gateway.calls.tokens import estimate
from serving.gateway.prompts.book import PromptBook
from serving.gateway.prompts.template import Message, Prompt
from serving.gateway.upstreams.problems import UpstreamProblem
from serving.gateway.upstreams.reading import UsageMeter, read_text
from serving.gateway.upstreams.upstreams import Upstreams
from serving.http.problems import BadGateway

_MAX_DOCUMENT_BYTES: Final = 8 * 2**20
_GRACE_S: Final = 5.0
_MAX_CHUNKS: Final = 400


class ResearchTools:
    """Registers the tools, with the services that they need.

    Parameters
    ----------
    fetcher : of pages; built from the settings by default.
    """

    def __init__(
        self,
        settings: Settings,
        knowledge: KnowledgeService,
        upstreams: Upstreams,
        prompts: PromptBook,
        fetcher: WebFetcher | None = None,
    ) -> None:
        self._settings = settings
        self._knowledge = knowledge
        self._upstreams = upstreams
        self._prompts = prompts
        self.urls = UrlRules(settings.fetch.hosts, settings.fetch.schemes, settings.fetch.ports)
        limits = Limits(settings.fetch.max_bytes, settings.fetch.timeout_s)
        self.fetcher = fetcher or WebFetcher(self.urls, limits)
        self.web = WebSearch.of(settings)

    def registered(self) -> Mapping[str, Tool[Any]]:
        """Return the tools by name."""
        model_timeout_s = float(self._settings.llm.total_s)
        fetch_timeout_s = self._settings.fetch.timeout_s + _GRACE_S
        tools: list[Tool[Any]] = [
            Tool("search", "Search the knowledge base.", SearchArguments, self._search, ToolPolicy(timeout_s=30)),
            Tool(
                "fetch",
                "Read a document of the knowledge base, or a page of an allowed host.",
                FetchArguments,
                self._fetch,
                ToolPolicy(timeout_s=fetch_timeout_s, output_bytes=_MAX_DOCUMENT_BYTES),
                self._check_fetch,
            ),
            Tool(
                "summarize",
                "Summarise passages on a topic, with statements that they support only.",
                SummarizeArguments,
                self._summarize,
                ToolPolicy(timeout_s=60),
            ),
            Tool(
                "risk_check",
                "Assess the risk of trusting findings.",
                RiskArguments,
                self._risk_check,
                ToolPolicy(timeout_s=60),
            ),
        ]
        if self.web is not None:
            description = f"Search the web ({self.web.provider})."
            policy = ToolPolicy(timeout_s=30 + _GRACE_S)
            tools.append(Tool("web_search", description, WebSearchArguments, self._web_search, policy))
        if self.model is not None:
            description = f"Ask the model {self.model} what passages say on a topic."
            policy = ToolPolicy(timeout_s=model_timeout_s)
            tools.append(Tool("ask_model", description, ModelArguments, self._ask_model, policy))
        return {tool.name: tool for tool in tools}

    @property
    def model(self) -> str | None:
        """Return the model that summarises; None if sentences are extracted instead."""
        if self._settings.llm.answerer == "extractive" or not self._upstreams:
            return None
        return self._settings.llm.model

    @property
    def prompt(self) -> Prompt:
        """Return the prompt of the model."""
        return self._prompts.get("research")

    def max_tokens_in(self, topic: str) -> int:
        """Return the maximum tokens of a prompt on a topic."""
        _, bare = self._messages(topic, [])
        return bare + estimate(MAX_READ_BYTES * 2)

    def estimate_unread(self, topic: str, passages: Sequence[ReadPassage]) -> tuple[Amount, str, str]:
        """Estimate usage, model and server URL of an abandoned call: the model has at least read its prompt."""
        model = self._settings.llm.model or ""
        first = next(iter(self._upstreams.serving(model) or self._upstreams))
        _, tokens_in = self._messages(topic, passages)
        return Amount(tokens_in=tokens_in, estimated=True), first.model_of(model), first.base_url

    def _messages(self, topic: str, passages: Sequence[ReadPassage]) -> tuple[list[Message], int]:
        """Render the messages for the model, and estimate their tokens."""
        shown = [{"source": passage.source, "text": passage.text} for passage in passages]
        messages = self.prompt.render(topic=topic, passages=shown)
        return messages, estimate(sum(len(message["content"].encode()) for message in messages))

    async def _search(self, arguments: SearchArguments, _: ToolContext) -> Any:
        result = await self._knowledge.search(arguments.topic, arguments.top_k)
        return {"retrieval": result.retrieval, "passages": [_passage_json(passage) for passage in result.passages]}

    async def _web_search(self, arguments: WebSearchArguments, _: ToolContext) -> Any:
        if self.web is None:
            raise ToolError("No web search is set up here.")
        return {"hits": [asdict(hit) for hit in await self.web.search(arguments.topic, arguments.top_k)]}

    def _check_fetch(self, arguments: FetchArguments) -> None:
        if arguments.url is not None:
            self.urls.check(arguments.url)

    async def _fetch(self, arguments: FetchArguments, _: ToolContext) -> Any:
        if arguments.url is not None:
            return await asyncio.to_thread(_read_page, await self.fetcher.fetch(arguments.url))
        passages = await self._knowledge.document(arguments.source or "")
        if not passages:
            raise ToolError("The knowledge base has no such source.")
        return {"source": passages[0].source, "passages": [_passage_json(passage) for passage in passages]}

    async def _ask_model(self, arguments: ModelArguments, _: ToolContext) -> Any:
        if self.model is None:
            raise ToolError("No language model is set up here.")
        messages, tokens_in = self._messages(arguments.topic, arguments.passages)
        meter = UsageMeter(tokens_in)
        try:
            response = await self._upstreams.post(
                {**self.prompt.model_hints, "model": self.model, "messages": messages}
            )
        except UpstreamProblem as problem:  # the request is ours, so the caller cannot fix it
            raise BadGateway(f"The model's server refused the passages ({problem.status}).") from problem
        text = await read_text(response, meter)
        return {
            "said": text,
            "model": response.model,
            "base_url": response.upstream.base_url,
            "attempts": response.attempts,
            "took": _usage_json(meter.usage),
        }

    async def _summarize(self, arguments: SummarizeArguments, _: ToolContext) -> Any:
        if arguments.said is None:
            has_vectors = any(passage.similarity is not None for passage in arguments.passages)
            similarities = self._knowledge.similarities if has_vectors else None
            summary = await extract_findings(arguments.topic, arguments.passages, similarities)
        else:
            summary = verify_findings(arguments.topic, arguments.passages, arguments.said)
        return {
            "findings": [
                {"text": text, "quotes": [{"passage": quote.passage, "text": quote.text} for quote in quotes]}
                for text, quotes in summary.findings
            ],
            "dropped": dict(sorted(summary.dropped.items())),
        }

    async def _risk_check(self, arguments: RiskArguments, context: ToolContext) -> Any:
        return await asyncio.to_thread(
            assess,
            context.texts,
            [RiskText(text.source, text.text) for text in arguments.read],
            [RiskFinding(finding.text, finding.sources) for finding in arguments.findings],
            unsupported=arguments.unsupported,
            unavailable=arguments.unavailable,
            summed_up=arguments.summed_up,
        )


def _read_page(page: Page) -> Any:
    """Split a page into passages like those of the knowledge base."""
    try:
        document = read_document(f"page{TYPES[page.media_type]}", page.data)
    except DocumentError as error:
        raise ToolError("The page cannot be read as its media type.") from error
    chunks = split_document(replace(document, source=page.url))[:_MAX_CHUNKS]
    return {
        "source": page.url,
        "hash": document.hash,
        "passages": [
            {
                "chunk_id": chunk.id,
                "source": chunk.source,
                "title": chunk.title,
                "section": chunk.section,
                "page": chunk.page,
                "place": chunk.place,
                "text": chunk.text,
                "similarity": None,
            }
            for chunk in chunks
        ],
    }


def _passage_json(passage: Passage) -> dict[str, Any]:
    plain = asdict(passage)
    del plain["score"]
    plain["similarity"] = None if passage.similarity is None else round(passage.similarity, 4)
    return plain


def _usage_json(usage: Amount) -> dict[str, Any]:
    return {name: getattr(usage, name) for name in Amount.__struct_fields__ if name != "cost_nano_usd"}
