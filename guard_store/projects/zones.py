"""Which of some projects exist, and in which time zone: what ingestion must know of a project.

Everything else of a project is `guard_store.projects.store`.
"""

from collections.abc import Collection

from sqlalchemy import select

from guard_store.db.database import Database
from guard_store.projects.tables import projects


def project_zones(database: Database, project_ids: Collection[str]) -> dict[str, str]:
    """IANA zone of each of these projects that exists."""
    statement = select(projects.c.id, projects.c.timezone).where(projects.c.id.in_(project_ids))
    with database.read() as connection:
        return {row.id: row.timezone for row in connection.execute(statement)}
