"""Which part of an AWS account's costs is a project's. Said by the operator, whose account it is, not by the project."""

from dataclasses import dataclass

from guard_core.days import LocalDays, local_days
from guard_core.settings import AwsAllocation, Settings
from guard_store.projects.store import Project


@dataclass(frozen=True, slots=True)
class Allocation:
    """What is a project's.

    Attributes
    ----------
    tag, value : the cost allocation tag, and the value of it that means this project.
    whole_account : whether all costs of the account are the project's, whatever their tags.
    hourly : whether AWS may be asked for hours.
    """

    project_id: str
    timezone: str
    tag: str
    value: str
    whole_account: bool
    hourly: bool

    @classmethod
    def of(cls, project: Project, settings: Settings) -> "Allocation":
        """The allocation of a project: its tag has its id, unless the settings say otherwise."""
        own = settings.aws.cost_allocation.get(project.id) or AwsAllocation()
        return cls(
            project_id=project.id,
            timezone=project.timezone,
            tag=own.tag or settings.aws.cost_tag,
            value=own.value or project.id,
            whole_account=own.whole_account,
            hourly=settings.aws.cost_hourly if own.hourly is None else own.hourly,
        )

    @property
    def days(self) -> LocalDays:
        """The project's local days."""
        return local_days(self.timezone)

    def owns(self, label: str) -> bool:
        """Whether costs with this value of the tag are the project's."""
        return self.whole_account or label == self.value
