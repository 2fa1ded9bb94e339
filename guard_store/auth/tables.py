"""Table of API keys.

Only its schema belongs here; `store` reads and writes it.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text

from guard_store.db.metadata import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("project_id", String(128), ForeignKey("projects.id")),
    Column("created_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
)
