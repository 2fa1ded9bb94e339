"""Problems for projects and models that do not exist, with the most similar name among those that do.

Callers with a key of one project are refused (403) before any other project is looked up: no name of another project reaches them.
"""

from guard_core.suggestions import suggest
from guard_store.monitoring.model_ids import ModelIdStore
from guard_store.projects.store import Project, ProjectStore
from serving.http.problems import NotFound


def unknown_project(projects: ProjectStore, project_id: str) -> NotFound:
    """Make the problem for a project that does not exist."""
    suggestion = suggest(project_id, projects.ids())
    remedy = f".{suggestion}" if suggestion else ": make it with POST /api/v1/projects."
    return NotFound(f"There is no project {project_id!r}{remedy}")


def require_model(models: ModelIdStore, project: Project, model_id: str) -> None:
    """Refuse a model of which nothing is stored: no event, rejected row, kind, baseline or setting.

    Raises
    ------
    NotFound
        If nothing is stored of it; the problem suggests the most similar model of the project.
    """
    configured = project.settings.get("models", {})
    if model_id in configured or models.has(project.id, model_id):
        return
    suggestion = suggest(model_id, {*configured, *models.of_project(project.id)})
    raise NotFound(
        f"Project {project.id!r} has no model {model_id!r}: there is no event, baseline or setting of it.{suggestion}"
    )
