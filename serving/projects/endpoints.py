"""Routes of projects."""

from guard_store.projects.store import ProjectExistsError, new_project_id
from serving.auth.security import Caller
from serving.http.paging import Cursor, Limit, Page, decode_cursor, page_of
from serving.http.problems import Conflict
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
from serving.projects import service
from serving.projects.schemas import ProjectChange, ProjectRequest, ProjectView
from serving.services import Provided, RequestId

router = keyed_router("projects")


@router.post("/projects", status_code=201, responses=CONFLICT, openapi_extra=ADMIN_OF_ALL)
def make_project(body: ProjectRequest, services: Provided, request_id: RequestId) -> ProjectView:
    """Make a project."""
    project_id = body.id or new_project_id()
    settings = body.settings.to_dict()
    try:
        project = services.projects.create(project_id, body.name, body.timezone, settings, request_id=request_id)
    except ProjectExistsError as error:
        raise Conflict(f"{error}.") from None
    return ProjectView.of(project)


@router.get("/projects", openapi_extra=ANALYST)
def list_projects(caller: Caller, services: Provided, cursor: Cursor = None, limit: Limit = 100) -> Page[ProjectView]:
    """List the projects that the key opens, by id."""
    after_id = decode_cursor(cursor, str, "")
    projects = services.projects.page(only_id=caller.project_id, after_id=after_id, limit=limit + 1)
    return page_of(projects, limit, position=lambda project: project.id, item=ProjectView.of)


@router.get("/projects/{project_id}", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_project(project: ProjectToRead) -> ProjectView:
    """Read a project."""
    return ProjectView.of(project)


@router.patch("/projects/{project_id}", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def change_project(
    project: ProjectToChange, body: ProjectChange, services: Provided, request_id: RequestId
) -> ProjectView:
    """Change a project: another time zone lays its days anew, other drift settings judge its days again."""
    return ProjectView.of(service.change(services, project.id, body, request_id))
