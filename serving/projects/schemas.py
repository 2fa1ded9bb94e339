"""Requests and answers about projects."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from guard_core.days import from_microseconds, known_zone
from guard_core.ids import ID_PATTERN
from guard_store.projects.store import Project
from serving.http.routing import ProjectName
from serving.projects.settings import checked_settings


def _zone(name: str) -> str:
    known_zone(name)
    return name


Timezone = Annotated[str, AfterValidator(_zone), Field(description="IANA time zone: a day is a day there.")]
ProjectSettings = Annotated[
    dict[str, Any],
    AfterValidator(checked_settings),
    Field(description='`{"drift": {…}, "models": {"<model id>": {"drift": {…}}}}`; what is left out has its default.'),
]


class ProjectRequest(BaseModel):
    """A project to be made."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = Field(None, pattern=ID_PATTERN, description="Made where it is not given.")
    name: ProjectName
    timezone: Timezone = "UTC"
    settings: ProjectSettings = Field(default_factory=dict)


class ProjectChange(BaseModel):
    """What is to be changed; `settings` are replaced as a whole."""

    model_config = ConfigDict(extra="forbid")

    name: ProjectName | None = None
    timezone: Timezone | None = None
    settings: ProjectSettings | None = None


class ProjectView(BaseModel):
    """A project."""

    id: str
    name: str
    timezone: str
    settings: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, project: Project) -> "ProjectView":
        """The view of a stored project."""
        return cls(
            id=project.id,
            name=project.name,
            timezone=project.timezone,
            settings=project.settings,
            created_at=from_microseconds(project.created_us),
            updated_at=from_microseconds(project.updated_us),
        )
