"""Allocation of an AWS account's costs to projects.

It is configured by the operator, who owns the account, not by the projects.
"""

from dataclasses import dataclass

from guard_core.days import LocalDays, local_days
from guard_core.settings import AwsAllocation, Settings
from guard_store.projects.store import Project


@dataclass(frozen=True, slots=True)
class Allocation:
    """The AWS costs that belong to a project.

    Attributes
    ----------
    tag, value : the cost allocation tag, and its value for this project.
    whole_account : whether all costs of the account belong to the project, whatever their tags.
    hourly : whether AWS provides hourly data.
    """

    project_id: str
    timezone: str
    tag: str
    value: str
    whole_account: bool
    hourly: bool

    @classmethod
    def of(cls, project: Project, settings: Settings) -> "Allocation":
        """Return the allocation of a project: by default, costs that are tagged with its id."""
        override = settings.aws.cost_allocation.get(project.id) or AwsAllocation()
        return cls(
            project_id=project.id,
            timezone=project.timezone,
            tag=override.tag or settings.aws.cost_tag,
            value=override.value or project.id,
            whole_account=override.whole_account,
            hourly=settings.aws.cost_hourly if override.hourly is None else override.hourly,
        )

    @property
    def days(self) -> LocalDays:
        """The project's local days."""
        return local_days(self.timezone)

    def owns(self, label: str) -> bool:
        """Return whether costs with this value of the tag belong to the project."""
        return self.whole_account or label == self.value
