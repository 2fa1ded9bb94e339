"""Quality of researches, measured on topics whose sources and risks are known.

The evaluated researches are extractive and read the knowledge base only: no model is called, no page is fetched, and no row of the
ledger is written, because nothing is answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from guard_core.project_settings.tools import ToolSettings
from guard_core.settings import Settings
from guard_store.ledger.entry import Entry
from serving.assistant.knowledge.evaluation import load_evaluation_file
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.research.arguments import Topic
from serving.assistant.research.risk import Rule
from serving.assistant.research.run import Run
from serving.assistant.research.tools import ResearchTools
from serving.assistant.tools.executor import ToolExecutor
from serving.assistant.tools.policy import ToolContext
from serving.audit.entry import AuditEntry
from serving.auth.principal import Principal
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.policy.book import PolicyBook
from serving.gateway.prompts.book import PromptBook
from serving.gateway.upstreams.upstreams import Upstreams

SAMPLE_TOPICS = Path(__file__).parents[3] / "ml" / "data" / "knowledge" / "topics.yaml"
_ROUTE = "research evaluate"
_SINGLE_SOURCE: Rule = "single_source"  # depends on each finding, not on the topic


class ExpectedResearch(BaseModel):
    """A topic, the sources that treat it, and the rules of the risk check that its research must meet.

    `single_source` counts findings and cannot be expected of a topic.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: Topic
    sources: frozenset[str] = frozenset()
    risks: frozenset[Rule] = frozenset()


class Topics(BaseModel):
    """A file of topics."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topics: tuple[ExpectedResearch, ...]


@dataclass(frozen=True, slots=True)
class ResearchResult:
    """The sources that the findings of a topic quote, and the rules that its risk check has met."""

    expected: ExpectedResearch
    sources: frozenset[str]
    risks: frozenset[Rule]

    @property
    def is_right(self) -> bool:
        """Whether it quotes the expected sources and no others, and meets the expected rules and no others."""
        return (self.sources, self.risks) == (self.expected.sources, self.expected.risks)


@dataclass(frozen=True, slots=True)
class ResearchShares:
    """Shares over all topics; NaN where there is nothing to count.

    Attributes
    ----------
    recall : of the expected sources, those quoted.
    precision : of the quoted sources, those expected.
    declined : of the topics that no source treats, those without a finding.
    risks : of all topics, those that meet exactly the expected rules.
    """

    recall: float
    precision: float
    declined: float
    risks: float


def load_topics(path: Path) -> Topics:
    """Read a file of topics; raises as `load_evaluation_file`."""
    return load_evaluation_file(path, Topics)


async def research_all(topics: Topics, settings: Settings, knowledge: KnowledgeService) -> list[ResearchResult]:
    """Research each topic in the knowledge base alone, under the default content policy of the settings."""
    closed = {
        "llm": settings.llm.model_copy(update={"answerer": "extractive"}),
        "search": settings.search.model_copy(update={"provider": None}),
        "fetch": settings.fetch.model_copy(update={"hosts": ()}),
    }
    settings = settings.model_copy(update=closed)
    tools = ResearchTools(settings, knowledge, Upstreams(settings), PromptBook({}))
    policies = PolicyBook(settings.llm.policies)
    return [await _research(expected, tools, knowledge, policies) for expected in topics.topics]


def measure_research(results: Sequence[ResearchResult]) -> ResearchShares:
    """Measure the shares of right results."""
    treated = [result for result in results if result.expected.sources]
    return ResearchShares(
        recall=_share([source in result.sources for result in treated for source in result.expected.sources]),
        precision=_share([source in result.expected.sources for result in treated for source in result.sources]),
        declined=_share([not result.sources for result in results if not result.expected.sources]),
        risks=_share([result.risks == result.expected.risks for result in results]),
    )


async def _research(
    expected: ExpectedResearch, tools: ResearchTools, knowledge: KnowledgeService, policies: PolicyBook
) -> ResearchResult:
    policy = policies.of(None)
    context = ToolContext(Principal("cli", "admin", None), None, _ROUTE, policy, ToolSettings())
    session = PolicySession(policy, _ROUTE, AuditEntry({}))
    run = Run(ToolExecutor(tools.registered(), _discard), tools, knowledge, context, session, expected.topic)
    await run.search()
    await run.fetch()
    await run.summarize()
    risk = await run.risk_check()
    findings = [] if run.summary is None else run.summary["findings"]
    return ResearchResult(
        expected=expected,
        sources=frozenset(source for finding in findings for source in run.sources_of(finding)),
        risks=frozenset(item["rule"] for item in risk["items"] if item["count"]) - {_SINGLE_SOURCE},
    )


async def _discard(_: Entry) -> None:
    """Write no row of the ledger."""


def _share(right: Sequence[bool]) -> float:
    return sum(right) / len(right) if right else float("nan")
