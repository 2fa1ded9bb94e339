"""INSERT … ON CONFLICT for both engines.

SQLAlchemy has the clause only on the `insert` of each dialect; the choice between them belongs here and nowhere else.
"""

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def dialect_insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Build an INSERT for the engine of a connection, with `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
