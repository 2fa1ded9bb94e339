"""What is asked of a research, and what it answers."""

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
    """A topic to be researched."""

    model_config = ConfigDict(extra="forbid")

    topic: Topic = Field(description="URLs in it are fetched too, where their host is allowed.")
    steps: list[Step] = Field(
        default_factory=lambda: list(STEPS),
        description="Those that are wanted, in their order, `search` first; `risk_check` always runs last.",
        min_length=1,
    )
    project_id: str | None = Field(None, pattern=ID_PATTERN, description="The key's own unless given.")
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
                what = "is there twice" if place in places else f"must come before {steps[len(places) - 1]}"
                raise ValueError(f"{step} {what}; the order is {order}")
            if not places and place:
                raise ValueError(f"{step} needs what search finds; the order is {order}")
            places.append(place)
        return steps


class QuoteView(BaseModel):
    """Words of a source."""

    source: str
    chunk_id: str
    section: str
    page: int | None
    text: str
    verified: bool = Field(
        description="Whether it stands there letter by letter; not where the policy took something out."
    )


class FindingView(BaseModel):
    """Something that the sources say on the topic."""

    text: str
    sources: list[str]
    quotes: list[QuoteView]


class SourceView(BaseModel):
    """Something that was found, whether or not it was used."""

    source: str
    title: str
    kind: Literal["knowledge", "web"]
    passages: int = Field(description="That were read of it.")
    used: bool = Field(description="Whether a finding quotes it.")
    note: str | None = Field(description="Why it was not read, or is not trusted.")


class TraceView(BaseModel):
    """One call of a tool, and the row of the ledger that tells of it."""

    step: str
    call_id: str
    tool: str
    arguments: dict[str, Any] = Field(description="As the ledger shows them: personal data redacted, long texts cut.")
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
    """What speaks against trusting the findings: `score` = 1 − Π (1 − weight) ^ min(count, 3)."""

    score: float
    level: Literal["low", "medium", "high"]
    items: list[RiskItem]


class ResearchAnswer(BaseModel):
    """What was found, where, how, and how far it can be trusted."""

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
    dropped: dict[str, int] = Field(
        description="Sentences of a model that no passage bears, by what is wrong with them."
    )
    flags: list[str] = Field(description="Rules of the policy that were met.")
