"""Costs that AWS Cost Explorer reports, and which project they belong to."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from guard_core.settings.group import Group, Positive


class AwsAllocation(BaseModel):
    """Which AWS costs are a project's; what is not given is as for all projects."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tag: str | None = None
    value: str | None = None
    whole_account: bool = False
    hourly: bool | None = None


class AwsSettings(Group):
    """Group `aws` of the settings."""

    title = "AWS costs"
    prefix = "AWS_"

    costs: bool = Field(
        default=False,
        description="Whether the pipelines ask AWS Cost Explorer once a day; a request costs 0.01 US dollars."
        " Off: only who asks for it by API is answered.",
    )
    cost_requests: Positive = Field(
        50, description="Requests to Cost Explorer in a UTC day at most, of servers and pipelines together."
    )
    cost_refresh_days: Annotated[int, Field(ge=1, le=365)] = Field(
        45, description="Days that amounts which AWS calls estimated are read again, once a day."
    )
    cost_tag: str = Field("project", description="Cost allocation tag whose value names the project.")
    cost_hourly: bool = Field(
        default=False,
        description="Whether hourly data is switched on at AWS: costs are then summed by local day, else by UTC day.",
    )
    cost_allocation: dict[str, AwsAllocation] = Field(
        {},
        description="Which costs are a project's, where that is not those tagged with its id:"
        " JSON `{project_id: {tag, value, whole_account, hourly}}`.",
    )
