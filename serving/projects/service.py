"""Changing a project, with what the change asks of its days, in one transaction."""

from sqlalchemy import Connection

from guard_store.day_state.invalidation import (
    DeletedDaysError,
    invalidate_drift,
    invalidate_retrain,
    rebuild_for_timezone,
)
from guard_store.projects.store import Consequence, Project
from serving.http.problems import Conflict, NotFound
from serving.projects.schemas import ProjectChange
from serving.projects.settings import is_rule_changed, models_with_changed_drift
from serving.services import Services


def change(services: Services, project_id: str, wanted: ProjectChange, request_id: str) -> Project:
    """Change a project.

    Raises
    ------
    NotFound
        Where there is no such project.
    Conflict
        Where its days cannot be laid anew any more.
    """
    try:
        project = services.projects.update(
            project_id,
            name=wanted.name,
            timezone=wanted.timezone,
            settings=None if wanted.settings is None else wanted.settings.to_dict(),
            request_id=request_id,
            consequences=[
                _lay_days_anew(services.settings.pipelines.close_delay_s),
                _judge_drift_again,
                _apply_rule_again,
            ],
        )
    except DeletedDaysError as error:
        raise Conflict(str(error)) from None
    if project is None:
        raise NotFound(f"There is no project {project_id!r}.")
    return project


def _lay_days_anew(close_delay_s: int) -> Consequence:
    def lay_days_anew(connection: Connection, before: Project, after: Project) -> None:
        if after.timezone != before.timezone:
            rebuild_for_timezone(
                connection, after.id, after.timezone, close_delay_s=close_delay_s, request_id=after.request_id
            )

    return lay_days_anew


def _apply_rule_again(connection: Connection, before: Project, after: Project) -> None:
    if is_rule_changed(before.settings, after.settings):
        invalidate_retrain(connection, after.id, request_id=after.request_id)


def _judge_drift_again(connection: Connection, before: Project, after: Project) -> None:
    models = models_with_changed_drift(before.settings, after.settings)
    if models is None:
        invalidate_drift(connection, after.id, request_id=after.request_id)
        return
    for model_id in models:
        invalidate_drift(connection, after.id, model_id, request_id=after.request_id)
