"""Migrations: from nothing to newest and back, the same as the tables say, safe when many start at once."""

import importlib
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Table, insert, inspect, select

import guard_store
from guard_store.db.database import Database
from guard_store.db.metadata import metadata
from guard_store.db.migrate import is_current, migrate
from guard_store.ledger.append import ConnectionStatements, append
from guard_store.ledger.entry import Entry
from guard_store.ledger.store import LedgerStore
from guard_store.ledger.tables import ledger
from guard_store.projects.tables import projects
from guard_store.spending.tables import budget_spans, reservations

for module in pkgutil.walk_packages(guard_store.__path__, "guard_store."):
    if module.name.endswith(".tables"):
        importlib.import_module(module.name)


def test_migrations_make_exactly_the_declared_tables(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    migrate(database)
    assert is_current(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        keys = {name: inspect(connection).get_pk_constraint(name)["constrained_columns"] for name in metadata.tables}
    database.close()
    assert keys == {name: [c.name for c in table.primary_key] for name, table in metadata.tables.items()}


def test_downgrade_to_nothing_and_up_again(database: Database) -> None:
    migrate(database, "base")
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
    assert not is_current(database)
    migrate(database)
    assert is_current(database)


def test_many_processes_may_start_at_once(empty_database_url: str) -> None:
    def start(_: int) -> bool:
        database = Database(empty_database_url)
        migrate(database)
        current = is_current(database)
        database.close()
        return current

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(start, range(8)))


def test_events_survive_the_way_up_and_down(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    migrate(database, "0001")
    row = "('p', 'e{0}', 'm', {0}, 1, 'predict', 2.5, '1', 0.5, '{{}}', 'r', 'v', 's')"
    columns = "project_id, event_id, model_id, ts_us, received_us, endpoint, latency_ms, y_pred, y_proba, features"
    rows = ", ".join(row.format(n) for n in (2, 1, 3))
    with database.write() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO events ({columns}, request_id, model_version, segment) VALUES {rows}"  # noqa: S608
        )

    def stored() -> list[tuple[object, ...]]:
        with database.read() as connection:
            found = connection.exec_driver_sql(f"SELECT {columns} FROM events ORDER BY event_id")  # noqa: S608
            return [tuple(one) for one in found]

    before = stored()
    migrate(database)
    assert stored() == before
    migrate(database, "0001")
    assert stored() == before
    assert len(before) == 3
    database.close()


def test_the_ledger_and_what_was_spent_survive_the_way_up_and_down(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    migrate(database)
    entries = [Entry(at_us=n, route="/query", method="POST", status=200, details='{"n":1}') for n in range(3)]
    with database.write() as connection:
        append(ConnectionStatements(connection), entries)
        connection.execute(
            insert(budget_spans), {"budget_id": "b", "span": "2026-03", "spent": 1, "reserved": 2, "warned": True}
        )
        connection.execute(insert(reservations), {"id": "r", "expires_us": 7, "body": "{}"})

    def stored() -> list[list[object]]:
        with database.read() as connection:
            return [
                [tuple(row) for row in connection.execute(select(*of_every_revision(t)).order_by(*t.primary_key))]
                for t in tables
            ]

    def of_every_revision(table: Table) -> list[Column[Any]]:
        return [column for column in table.columns if column.name not in {"hash_version", "refused"}]

    tables = (ledger, budget_spans, reservations)
    before = stored()
    for revision in ("0009", "head", "0009", "head"):
        migrate(database, revision)
        assert stored() == before
    assert [len(rows) for rows in before] == [3, 1, 1]
    assert LedgerStore(database, None).verify().ok, "the newest version of the hash is that of rows without one"
    if database.is_sqlite:
        with database.read() as connection:
            indexes = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('ledger', 'reservations', 'usage', 'budget_spans')"
            )
            assert {name for (name,) in indexes} == {"ix_ledger_at_us", "ix_ledger_request_id"}
    database.close()


def test_the_settings_of_the_promotion_rule_survive_the_way_up_and_down(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    migrate(database, "0012")
    stored = {"gate": {"min_rows": 50}, "models": {"m": {"gate": {"min_gain": 0.1}, "drift": {"bins": 12}}}}
    with database.write() as connection:
        connection.execute(
            insert(projects),
            {"id": "p", "name": "P", "timezone": "UTC", "settings": stored, "created_us": 1, "updated_us": 1},
        )
    migrate(database)
    with database.read() as connection:
        renamed = connection.scalar(select(projects.c.settings))
    assert renamed == {
        "promotion": {"min_rows": 50},
        "models": {"m": {"promotion": {"min_gain": 0.1}, "drift": {"bins": 12}}},
    }
    migrate(database, "0012")
    with database.read() as connection:
        assert connection.scalar(select(projects.c.settings)) == stored
    database.close()
