"""Questions about other people's tool calls, and their outcomes."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from guard_core.ids import ID_PATTERN
from guard_core.units import NANO
from serving.assistant.tools.policy import Tool, ToolPolicy

ToolName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./:@-]{0,127}$")]
CallId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class CheckRequest(BaseModel):
    """A call that is about to be made."""

    model_config = ConfigDict(extra="forbid")

    tool: ToolName
    arguments: dict[str, Any] = Field(default_factory=dict)
    project_id: str | None = Field(None, pattern=ID_PATTERN, description="The key's own unless given.")
    call_id: CallId | None = Field(
        None, description="Made unless given; the same again, with the same tool and arguments, has the same answer."
    )


class Reason(BaseModel):
    """Why a call is denied."""

    rule: str
    reason: str


class CheckView(BaseModel):
    """What was decided; a call that is allowed is made with these arguments."""

    call_id: str
    decision: Literal["allow", "deny"]
    reasons: list[Reason]
    arguments: dict[str, Any] = Field(description="Redacted as the project's policy says.")
    timeout_ms: int
    output_bytes: int


class RecordRequest(BaseModel):
    """What became of a call that was checked; of a result, the hash is kept."""

    model_config = ConfigDict(extra="forbid")

    call_id: CallId
    outcome: Literal["ok", "error", "timeout", "denied"]
    latency_ms: float = Field(ge=0, le=86_400_000, allow_inf_nan=False)
    result: Any = Field(None, description="Hashed here (SHA-256 of its compact JSON with names in order), not stored.")
    result_hash: Sha256 | None = None


class RecordView(BaseModel):
    """What is on record of a call now."""

    call_id: str
    status: Literal["recorded", "duplicate"]
    tool: str
    outcome: str
    result_hash: str | None
    violation: bool = Field(description="Whether it was made although it was denied.")


class ToolView(BaseModel):
    """A tool of ML Guard as a project may call it."""

    name: str
    description: str
    allowed: bool = Field(description="Whether the project's settings and this key's role allow it.")
    role: str
    timeout_ms: int
    output_bytes: int
    cost_usd: float
    arguments: dict[str, Any] = Field(description="JSON schema.")

    @classmethod
    def of(cls, tool: Tool[Any], policy: ToolPolicy, *, allowed: bool) -> "ToolView":
        """The view of a tool under a project's rules."""
        return cls(
            name=tool.name,
            description=tool.description,
            allowed=allowed,
            role=policy.role,
            timeout_ms=round(policy.timeout_s * 1000),
            output_bytes=policy.output_bytes,
            cost_usd=policy.cost_nano_usd / NANO,
            arguments=tool.arguments.model_json_schema(),
        )
