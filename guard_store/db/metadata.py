"""What the tables of all domains share: their metadata, the names of constraints, the types of ids and row numbers.

A domain's tables stand in its `tables.py`; only the migrations make or change them.
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

# SQLite numbers rows by itself only for a column that is exactly INTEGER PRIMARY KEY.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")

# An id is compared byte by byte: a language's rules of order would cost PostgreSQL a tenth of each insert.
Id = String(128).with_variant(String(128, collation="C"), "postgresql")


def count_of(name: str) -> Column[int]:
    """A column that counts, from 0."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"))
