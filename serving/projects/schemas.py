"""Requests and answers about projects."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from guard_core.days import from_microseconds, known_zone
from guard_core.ids import ID_PATTERN
from guard_core.project_settings.project import ProjectSettings
from guard_store.projects.store import Project
from serving.http.routing import ProjectName


def _zone(name: str) -> str:
    known_zone(name)
    return name


Timezone = Annotated[str, AfterValidator(_zone), Field(description="IANA time zone: a day is a day there.")]


class _StoredSettingsSchema:
    """Show stored settings as `ProjectSettings` in OpenAPI, without checking them again when they are read."""

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(ProjectSettings.__pydantic_core_schema__)


StoredSettings = Annotated[Mapping[str, Any], _StoredSettingsSchema()]


class ProjectRequest(BaseModel):
    """A project to be made."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = Field(None, pattern=ID_PATTERN, description="Made where it is not given.")
    name: ProjectName
    timezone: Timezone = "UTC"
    settings: ProjectSettings = Field(
        default_factory=ProjectSettings, description="A field that is left out has its default."
    )


class ProjectChange(BaseModel):
    """What is to be changed; `settings` are replaced as a whole."""

    model_config = ConfigDict(extra="forbid")

    name: ProjectName | None = None
    timezone: Timezone | None = None
    settings: ProjectSettings | None = Field(None, description="A field that is left out has its default.")


class ProjectView(BaseModel):
    """A project."""

    id: str
    name: str
    timezone: str
    settings: StoredSettings = Field(description="The fields that were given; every other one has its default.")
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
