"""Tables of the LLM gate: the audit ledger and its checkpoints, budgets, reservations, usage.

Only their shape belongs here; see `tables`.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from guard_store.db.tables import RowNumber, metadata

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
    Index(None, "at_us"),
    Index(None, "request_id"),
)

# What projects keep of their requests, by number of the ledger's row; not part of the chain.
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

# What a key or a project may spend in a period; limits in the measure's unit (cost: billionths of a dollar).
budgets = Table(
    "budgets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("scope", String(16), nullable=False),
    Column("scope_id", String(128), nullable=False),
    Column("measure", String(16), nullable=False),
    Column("period", String(16), nullable=False),
    Column("soft", BigInteger),
    Column("hard", BigInteger),
    Column("created_us", BigInteger, nullable=False),
    UniqueConstraint("scope", "scope_id", "measure", "period"),
)

# What a budget has counted in a span: a local day, a month, or all time.
budget_spans = Table(
    "budget_spans",
    metadata,
    Column("budget_id", String(32), primary_key=True),
    Column("span", String(10), primary_key=True),
    Column("spent", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("warned", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

# Calls that are being made; `body` is JSON of the reservation and what it holds.
reservations = Table(
    "reservations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("expires_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Sums of settled calls; '' stands for no project, no key, no user.
usage = Table(
    "usage",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("project_id", String(128), primary_key=True),
    Column("key_id", String(128), primary_key=True),
    Column("end_user", String(128), primary_key=True),
    Column("model", String(256), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_cached", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("tokens_reasoning", BigInteger, nullable=False),
    Column("cost_nano_usd", BigInteger, nullable=False),
    Column("unpriced", BigInteger, nullable=False),
    Column("estimated", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
