"""Table of projects.

Only its schema belongs here; `store` reads and writes it.
"""

from sqlalchemy import JSON, BigInteger, Column, String, Table, Text

from guard_store.db.metadata import metadata

projects = Table(
    "projects",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("name", Text, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("request_id", String(128)),
)
