"""Services behind the project routes: create, list and change projects.

A change and the invalidation of the results that it affects are one transaction; what a change affects is in `settings`.
"""

from sqlalchemy import Connection

from guard_store.day_state.invalidation import (
    DeletedDaysError,
    invalidate_drift,
    invalidate_performance,
    invalidate_retrain,
    rebuild_for_timezone,
)
from guard_store.projects.store import Consequence, Project, ProjectExistsError, ProjectStore, new_project_id
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import Conflict
from serving.http.unknown_names import unknown_project
from serving.projects.schemas import ProjectChange, ProjectRequest, ProjectView
from serving.projects.settings import is_rule_changed, models_with_changed_drift, models_with_changed_labels


class ProjectService:
    """Create, list and change projects."""

    def __init__(self, projects: ProjectStore, *, close_delay_s: int) -> None:
        self._projects = projects
        self._close_delay_s = close_delay_s

    def create(self, body: ProjectRequest, request_id: str) -> Project:
        """Create a project, with a generated id unless the request has one.

        Raises
        ------
        Conflict
            If there is already a project with this id.
        """
        project_id = body.id or new_project_id()
        try:
            settings = body.settings.to_dict()
            return self._projects.create(project_id, body.name, body.timezone, settings, request_id=request_id)
        except ProjectExistsError as error:
            raise Conflict(f"{error}.") from None

    def page(self, only_id: str | None, cursor: str | None, limit: int) -> Page[ProjectView]:
        """Return a page of the projects, ordered by id; `only_id` restricts it to one project."""
        after_id = decode_cursor(cursor, str, "")
        projects = self._projects.page(only_id=only_id, after_id=after_id, limit=limit + 1)
        return page_of(projects, limit, position=lambda project: project.id, item=ProjectView.of)

    def change(self, project_id: str, body: ProjectChange, request_id: str) -> Project:
        """Change a project, and invalidate the results that depend on what has changed.

        Raises
        ------
        NotFound
            If there is no such project.
        Conflict
            If events cannot be reassigned to the days of the new time zone, because some of them are deleted.
        """
        try:
            project = self._projects.update(
                project_id,
                name=body.name,
                timezone=body.timezone,
                settings=None if body.settings is None else body.settings.to_dict(),
                request_id=request_id,
                consequences=[
                    _reassign_days(self._close_delay_s),
                    _reevaluate_drift,
                    _remeasure_performance,
                    _reapply_retrain_rule,
                ],
            )
        except DeletedDaysError as error:
            raise Conflict(str(error)) from None
        if project is None:
            raise unknown_project(self._projects, project_id)
        return project


def _reassign_days(close_delay_s: int) -> Consequence:
    def reassign_days(connection: Connection, before: Project, after: Project) -> None:
        if after.timezone != before.timezone:
            rebuild_for_timezone(
                connection, after.id, after.timezone, close_delay_s=close_delay_s, request_id=after.request_id
            )

    return reassign_days


def _reapply_retrain_rule(connection: Connection, before: Project, after: Project) -> None:
    if is_rule_changed(before.settings, after.settings):
        invalidate_retrain(connection, after.id, request_id=after.request_id)


def _remeasure_performance(connection: Connection, before: Project, after: Project) -> None:
    models = models_with_changed_labels(before.settings, after.settings)
    for model_id in [None] if models is None else models:
        invalidate_performance(connection, after.id, model_id, request_id=after.request_id)


def _reevaluate_drift(connection: Connection, before: Project, after: Project) -> None:
    models = models_with_changed_drift(before.settings, after.settings)
    if models is None:
        invalidate_drift(connection, after.id, request_id=after.request_id)
        return
    for model_id in models:
        invalidate_drift(connection, after.id, model_id, request_id=after.request_id)
