"""Project routes: analysts read projects, admins of all projects create them, admins change them."""

from typing import Annotated

from fastapi import Depends

from serving.auth.security import Caller
from serving.http.dependencies import RequestId, part
from serving.http.paging import Cursor, Limit, Page
from serving.http.routing import (
    ADMIN,
    ADMIN_OF_ALL,
    ANALYST,
    CONFLICT,
    NOT_FOUND,
    ProjectToChange,
    ProjectToRead,
    keyed_router,
)
from serving.projects.schemas import ProjectChange, ProjectRequest, ProjectView
from serving.projects.service import ProjectService

router = keyed_router("projects")
Projects = Annotated[ProjectService, Depends(part(ProjectService))]


@router.post("/projects", status_code=201, responses=CONFLICT, openapi_extra=ADMIN_OF_ALL)
def make_project(body: ProjectRequest, projects: Projects, request_id: RequestId) -> ProjectView:
    """Create a project."""
    return ProjectView.of(projects.create(body, request_id))


@router.get("/projects", openapi_extra=ANALYST)
def list_projects(caller: Caller, projects: Projects, cursor: Cursor = None, limit: Limit = 100) -> Page[ProjectView]:
    """List the projects that the key has access to, ordered by id."""
    return projects.page(caller.project_id, cursor, limit)


@router.get("/projects/{project_id}", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_project(project: ProjectToRead) -> ProjectView:
    """Read a project."""
    return ProjectView.of(project)


@router.patch("/projects/{project_id}", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def change_project(
    project: ProjectToChange, body: ProjectChange, projects: Projects, request_id: RequestId
) -> ProjectView:
    """Change a project: a new time zone reassigns its events to days, new drift settings reevaluate its days."""
    return ProjectView.of(projects.change(project.id, body, request_id))
