"""AWS Cost Explorer: access, limits, and the allocation of costs to projects."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from guard_core.settings.group import Group, Positive


class AwsAllocation(BaseModel):
    """AWS costs of one project; fields that are not set default to the settings for all projects."""

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
        description="Whether the pipelines query AWS Cost Explorer once a day; a request costs 0.01 US dollars."
        " Off: only on request by API.",
    )
    cost_requests: Positive = Field(
        50, description="Maximum requests to Cost Explorer per UTC day, of servers and pipelines together."
    )
    cost_refresh_days: Annotated[int, Field(ge=1, le=365)] = Field(
        45, description="Days for which amounts that AWS marks as estimated are read again, once a day."
    )
    cost_tag: str = Field("project", description="Cost allocation tag whose value names the project.")
    cost_hourly: bool = Field(
        default=False,
        description="Whether hourly data is enabled at AWS: costs are then summed by local day, otherwise by UTC day.",
    )
    cost_allocation: dict[str, AwsAllocation] = Field(
        {},
        description="Costs of projects that are not simply those tagged with the project id:"
        " JSON `{project_id: {tag, value, whole_account, hourly}}`.",
    )
