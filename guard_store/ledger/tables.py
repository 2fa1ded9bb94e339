"""Tables of the audit ledger: its rows, its signed checkpoints, and the bodies that projects keep.

Only their schema belongs here; `append`, `bodies` and `store` read and write them.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, text

from guard_store.db.metadata import RowNumber, metadata

ledger = Table(
    "ledger",
    metadata,
    Column("seq", RowNumber, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("route", String(128), nullable=False),
    Column("method", String(16), nullable=False),
    Column("status", Integer, nullable=False),
    Column("request_id", String(128)),
    Column("key_id", String(128)),
    Column("role", String(16), nullable=False),
    Column("project_id", String(128)),
    Column("end_user", String(128)),
    Column("prompt", String(256)),
    Column("prompt_hash", String(64)),
    Column("policy_hash", String(64)),
    Column("model", String(256)),
    Column("tokens_in", BigInteger),
    Column("tokens_cached", BigInteger),
    Column("tokens_out", BigInteger),
    Column("tokens_reasoning", BigInteger),
    Column("tokens_estimated", Boolean, nullable=False),
    Column("cost_nano_usd", BigInteger),
    Column("compliance_flag", Boolean, nullable=False),
    Column("flags", Text, nullable=False),
    Column("request_hash", String(64)),
    Column("response_hash", String(64)),
    Column("details", Text, nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("hash_version", Integer, nullable=False, server_default=text("1")),  # which columns the hash covers
    Index(None, "at_us"),
    Index(None, "request_id"),
)

# Bodies of requests and answers that projects keep, by the number of their ledger row; not part of the chain.
ledger_bodies = Table(
    "ledger_bodies",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("request_id", String(128)),
    Column("project_id", String(128)),
    Column("request", Text, nullable=False),
    Column("response", Text),
    Index(None, "at_us"),
    Index(None, "request_id"),
)

ledger_checkpoints = Table(
    "ledger_checkpoints",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("public_key", String(64), nullable=False),
    Column("signature", String(128), nullable=False),
)
