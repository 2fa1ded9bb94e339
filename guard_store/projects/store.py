"""Projects: name, time zone and settings; consequences of a change are part of its transaction.

The schema of the settings is `guard_core.project_settings`.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, select, update

from guard_core.days import known_zone, now_us
from guard_core.project_settings.project import S, settings_of_model
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert
from guard_store.projects.tables import projects
from guard_store.writer.sessions import Session


class ProjectExistsError(ValueError):
    """A project with this id exists already."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project; `timezone` is an IANA name."""

    id: str
    name: str
    timezone: str
    settings: Mapping[str, Any]
    created_us: int
    updated_us: int
    request_id: str | None


Consequence = Callable[[Connection, Project, Project], None]
"""Called with the project before and after the change, inside its transaction."""


def new_project_id() -> str:
    """Return a new id, for a project that is created without one."""
    return f"proj_{uuid.uuid4().hex[:12]}"


class ProjectStore:
    """Creates, reads and changes projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        project_id: str,
        name: str,
        timezone: str = "UTC",
        settings: Mapping[str, Any] | None = None,
        *,
        request_id: str | None = None,
    ) -> Project:
        """Store a new project.

        Raises
        ------
        ProjectExistsError
            If the id is taken.
        ValueError
            If the time zone is not an IANA name.
        """
        known_zone(timezone)
        now = now_us()
        project = Project(project_id, name, timezone, dict(settings or {}), now, now, request_id)
        with self._database.write() as connection:
            if not _insert(connection, project):
                raise ProjectExistsError(f"project {project_id!r} exists already")
        return project

    def get(self, project_id: str) -> Project | None:
        """Return a project by its id."""
        with self._database.read() as connection:
            row = connection.execute(select(projects).where(projects.c.id == project_id)).one_or_none()
        return None if row is None else _project(row)

    def ids(self) -> list[str]:
        """Return the ids of all projects."""
        with self._database.read() as connection:
            return list(connection.scalars(select(projects.c.id).order_by(projects.c.id)))

    def model_settings(self, project_id: str, model_id: str, section: type[S]) -> S:
        """Return one section of a model's settings; the defaults if there is no such project.

        Raises
        ------
        ProjectSettingsError
            If a field of the section is wrong.
        """
        project = self.get(project_id)
        return settings_of_model(project.settings if project else {}, model_id, section)

    def page(self, *, only_id: str | None = None, after_id: str = "", limit: int | None = None) -> list[Project]:
        """Return projects sorted by id, after `after_id`; with `only_id`, at most that one."""
        statement = select(projects).where(projects.c.id > after_id).order_by(projects.c.id).limit(limit)
        if only_id is not None:
            statement = statement.where(projects.c.id == only_id)
        with self._database.read() as connection:
            return [_project(row) for row in connection.execute(statement)]

    def update(
        self,
        project_id: str,
        *,
        name: str | None = None,
        timezone: str | None = None,
        settings: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        consequences: Iterable[Consequence] = (),
    ) -> Project | None:
        """Change the given fields, with the consequences, in one transaction; return None if there is no such project.

        Raises
        ------
        ValueError
            If the time zone is not an IANA name.
        """
        if timezone is not None:
            known_zone(timezone)
        fields = {"name": name, "timezone": timezone, "settings": None if settings is None else dict(settings)}
        changed: dict[str, Any] = {field: value for field, value in fields.items() if value is not None}
        with self._database.write() as connection:
            chosen = projects.c.id == project_id
            row = connection.execute(select(projects).where(chosen).with_for_update()).one_or_none()
            if row is None:
                return None
            before = _project(row)
            after = replace(before, **changed, updated_us=now_us(), request_id=request_id)
            values = {**changed, "updated_us": after.updated_us, "request_id": request_id}
            connection.execute(update(projects).where(chosen).values(values))
            for consequence in consequences:
                consequence(connection, before, after)
        return after


def project_zones(database: Database, project_ids: Collection[str]) -> dict[str, str]:
    """Return the IANA time zone of each of these projects that exists."""
    statement = select(projects.c.id, projects.c.timezone).where(projects.c.id.in_(project_ids))
    with database.read() as connection:
        return {row.id: row.timezone for row in connection.execute(statement)}


def _insert(connection: Connection, project: Project) -> bool:
    row = {**asdict(project), "settings": dict(project.settings)}
    statement = dialect_insert(connection, projects).values(row).on_conflict_do_nothing()
    return connection.scalar(statement.returning(projects.c.id)) is not None


def _project(row: Row[Any]) -> Project:
    return Project(**row._mapping)


def lock_zones(session: Session, project_ids: Sequence[str]) -> dict[str, str]:
    """Return the IANA zone of each of these projects that exists, and lock them until the writer's commit."""
    sql = f"SELECT id, timezone FROM projects WHERE id IN ({', '.join('?' * len(project_ids))})"  # noqa: S608 - marks
    if not session.is_sqlite:  # SQLite's write lock excludes changes already
        sql += " ORDER BY id FOR SHARE"
    return dict(session.run(sql, project_ids))
