"""Metadata of all tables: names of constraints, types of ids and row numbers.

The tables of a domain are in its `tables.py`; only the migrations create or change them in a database.
Instants are int64 microseconds since the epoch (UTC); a `day` is a project's local date as `YYYY-MM-DD`.
"""

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows automatically only if the column is exactly INTEGER PRIMARY KEY.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")

# Ids are compared byte by byte: a locale's collation would make each insert of PostgreSQL a tenth slower.
Id = String(128).with_variant(String(128, collation="C"), "postgresql")


def count_of(name: str) -> Column[int]:
    """Return a column for a counter that starts at 0."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"))
