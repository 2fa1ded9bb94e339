"""Migrations: from nothing to newest and back, the same as the tables say, safe when many start at once."""

from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from guard_store.database import Database
from guard_store.migrate import is_current, migrate
from guard_store.tables import metadata


def test_migrations_make_exactly_the_declared_tables(database: Database) -> None:
    assert is_current(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_downgrade_to_nothing_and_up_again(database: Database) -> None:
    migrate(database, "base")
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
    assert not is_current(database)
    migrate(database)
    assert is_current(database)


def test_many_processes_may_start_at_once(database_url: str) -> None:
    def start(_: int) -> bool:
        database = Database(database_url)
        migrate(database)
        current = is_current(database)
        database.close()
        return current

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(start, range(8)))
