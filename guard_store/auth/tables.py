"""Tables of API keys and of the sessions of pages.

Only their schema belongs here; `store` and `sessions` read and write them.
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

page_sessions = Table(
    "page_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),  # "session"; "link" or "attempt": it opens one session
    Column("caller_id", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    Column("project_id", String(128)),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)
