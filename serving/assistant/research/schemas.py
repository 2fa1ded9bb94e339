"""Requests and responses about research."""

from datetime import datetime
from typing import Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator

from guard_core.ids import ID_PATTERN
from serving.assistant.knowledge.passages import Retrieval
from serving.assistant.query.schemas import Tokens
from serving.assistant.research.arguments import Topic

Step = Literal["search", "fetch", "summarize"]
STEPS: Final[tuple[Step, ...]] = ("search", "fetch", "summarize")
RISK_CHECK: Final = "risk_check"


class ResearchRequest(BaseModel):
    """A topic to research."""

    model_config = ConfigDict(extra="forbid")

    topic: Topic = Field(description="URLs in it are fetched too, if their host is allowed.")
    steps: list[Step] = Field(
        default_factory=lambda: list(STEPS),
        description="Steps to run, in their order, starting with `search`; `risk_check` always runs last.",
        min_length=1,
    )
    project_id: str | None = Field(None, pattern=ID_PATTERN, description="The key's by default.")
    stream: bool = Field(default=False, description="Server-sent events: `step` for each step, `result` at the end.")

    @field_validator("steps", mode="before")
    @classmethod
    def _in_order(cls, steps: Any) -> Any:
        if not isinstance(steps, list):
            return steps
        order = " → ".join(STEPS)
        places: list[int] = []
        for step in steps:
            if step == RISK_CHECK:
                raise ValueError(f"risk_check always runs and is not named; the steps are {order}")
            if step not in STEPS:
                raise ValueError(f"{str(step)[:40]!r} is not a step; the steps are {order}")
            place = STEPS.index(cast("Step", step))
            if places and place <= places[-1]:
                fault = "is there twice" if place in places else f"must come before {steps[len(places) - 1]}"
                raise ValueError(f"{step} {fault}; the order is {order}")
            if not places and place:
                raise ValueError(f"{step} needs what search finds; the order is {order}")
            places.append(place)
        return steps


class QuoteView(BaseModel):
    """A quote of a source."""

    source: str
    chunk_id: str
    section: str
    page: int | None
    text: str
    verified: bool = Field(description="Whether the source contains it verbatim; false if the policy redacted it.")


class FindingView(BaseModel):
    """A statement of the sources on the topic."""

    text: str
    sources: list[str]
    quotes: list[QuoteView]


class SourceView(BaseModel):
    """A source found for the topic, used or not."""

    source: str
    title: str
    kind: Literal["knowledge", "web"]
    passages: int = Field(description="Number of its passages read.")
    used: bool = Field(description="Whether a finding quotes it.")
    note: str | None = Field(description="Why it was not read, or is not trusted.")


class TraceView(BaseModel):
    """A tool call and its row of the ledger."""

    step: str
    call_id: str
    tool: str
    arguments: dict[str, Any] = Field(description="As in the ledger: personal data redacted, long texts cut.")
    outcome: Literal["ok", "error", "timeout", "denied"]
    rule: str | None
    reason: str | None
    latency_ms: float
    result_hash: str | None
    cost_usd: float
    at: datetime
    seq: int
    hash: str


class RiskItem(BaseModel):
    """One rule of the risk check."""

    rule: str
    weight: float
    count: int
    meaning: str
    sources: list[str]


class RiskView(BaseModel):
    """The risk of trusting the findings: `score` = 1 − Π (1 − weight) ^ min(count, 3)."""

    score: float
    level: Literal["low", "medium", "high"]
    items: list[RiskItem]


class ResearchAnswer(BaseModel):
    """Findings with their sources, the trace of tool calls, and the risk of trusting them."""

    findings: list[FindingView]
    sources: list[SourceView]
    audit_trace: list[TraceView]
    request_id: str
    risk: RiskView
    tokens: Tokens
    cost_usd: float | None
    model: str
    prompt: str | None
    retrieval: Retrieval
    knowledge_version: int | None
    dropped: dict[str, int] = Field(description="Sentences of a model that no passage supports, by fault.")
    flags: list[str] = Field(description="Rules of the policy with findings.")
