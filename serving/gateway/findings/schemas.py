"""The response about findings. Lists are aligned with `days`."""

from typing import Literal

from pydantic import BaseModel, Field


class RuleFindings(BaseModel):
    """The requests in which one rule matched."""

    rule: str
    side: Literal["request", "passage", "response"] = Field(
        description="Text that was checked: of the caller, of a retrieved passage, or of the answer."
    )
    requests: list[int] = Field(description="By day; a request with several findings of the rule counts once.")

    @property
    def total(self) -> int:
        """Requests of all days."""
        return sum(self.requests)


class ModelFindings(BaseModel):
    """The requests to one model in which any rule matched."""

    model: str | None = Field(description="Null if the request was refused before it reached a model.")
    requests: list[int]

    @property
    def total(self) -> int:
        """Requests of all days."""
        return sum(self.requests)


class FindingsView(BaseModel):
    """Requests with findings by local day of their project. The ledger has no actions: they are in the policy of its `policy_hash`."""

    project_id: str | None = Field(description="Null for all projects.")
    days: list[str]
    requests: list[int] = Field(description="Requests with any finding.")
    rules: list[RuleFindings] = Field(description="Most requests first.")
    models: list[ModelFindings] = Field(description="Most requests first.")
