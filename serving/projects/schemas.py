"""Requests and responses about projects."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import core_schema

from guard_core.days import from_microseconds, known_zone
from guard_core.ids import ID_PATTERN
from guard_core.project_settings.project import ProjectSettings
from guard_store.projects.store import Project
from serving.http.routing import ProjectName


def _zone(name: str) -> str:
    known_zone(name)
    return name


Timezone = Annotated[
    str, AfterValidator(_zone), Field(description="IANA time zone that defines the project's local days.")
]


class _ShownAsProjectSettings:
    """Describe stored settings as `ProjectSettings` in OpenAPI, but return them unvalidated: older rows may break newer rules."""

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=handler.generate_schema(ProjectSettings),
            python_schema=core_schema.dict_schema(),
            serialization=core_schema.simple_ser_schema("any"),
        )


StoredSettings = Annotated[Mapping[str, Any], _ShownAsProjectSettings()]


class ProjectRequest(BaseModel):
    """A project to create."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = Field(None, pattern=ID_PATTERN, description="Generated if it is omitted.")
    name: ProjectName
    timezone: Timezone = "UTC"
    settings: ProjectSettings = Field(default_factory=ProjectSettings, description="An omitted field has its default.")


class ProjectChange(BaseModel):
    """The fields to change; `settings` are replaced as a whole."""

    model_config = ConfigDict(extra="forbid")

    name: ProjectName | None = None
    timezone: Timezone | None = None
    settings: ProjectSettings | None = Field(None, description="An omitted field has its default.")


class ProjectView(BaseModel):
    """A project."""

    id: str
    name: str
    timezone: str
    settings: StoredSettings = Field(description="The fields that were set; all others have their defaults.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, project: Project) -> "ProjectView":
        """Convert a stored project."""
        return cls(
            id=project.id,
            name=project.name,
            timezone=project.timezone,
            settings=project.settings,
            created_at=from_microseconds(project.created_us),
            updated_at=from_microseconds(project.updated_us),
        )
