"""Which of some projects exist, and in which time zone: what ingestion must know of a project.

Everything else of a project is `guard_store.projects.store`.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from guard_store.db.database import Database
from guard_store.projects.tables import projects
from guard_store.writer.sessions import Session


def project_zones(database: Database, project_ids: Collection[str]) -> dict[str, str]:
    """IANA zone of each of these projects that exists."""
    statement = select(projects.c.id, projects.c.timezone).where(projects.c.id.in_(project_ids))
    with database.read() as connection:
        return {row.id: row.timezone for row in connection.execute(statement)}


def lock_zones(session: Session, project_ids: Sequence[str]) -> dict[str, str]:
    """IANA zone of each of these projects that exists; none of them can change before the writer's commit."""
    sql = f"SELECT id, timezone FROM projects WHERE id IN ({', '.join('?' * len(project_ids))})"  # noqa: S608 - marks
    if not session.is_sqlite:  # SQLite's write lock keeps them as they are
        sql += " ORDER BY id FOR SHARE"
    return dict(session.run(sql, project_ids))
