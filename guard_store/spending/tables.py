"""Tables of spending: budgets, reservations and usage.

Only their schema belongs here; `step` writes them, and `budgets` and `usage` read them.
"""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, SmallInteger, String, Table, Text, UniqueConstraint

from guard_store.db.metadata import metadata

# Limits of what a key or a project may spend in a period, in the unit of the measure (cost: billionths of a dollar).
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

# Amounts of a budget in a span: a local day, a month, or all time.
budget_spans = Table(
    "budget_spans",
    metadata,
    Column("budget_id", String(32), primary_key=True),
    Column("span", String(10), primary_key=True),
    Column("spent", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("warned", Boolean, nullable=False),
    Column("refused", BigInteger),  # the most that the newest refused call could have used; null: none was refused
    sqlite_with_rowid=False,
)

# Calls in progress; `body` is JSON of the reservation and its holds.
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
# Of the calls of `usage` that a server answered: their number by bucket of latency (`latencies`).
usage_latencies = Table(
    "usage_latencies",
    metadata,
    *(Column(column.name, column.type, primary_key=True) for column in usage.columns if column.primary_key),
    Column("bucket", SmallInteger, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
USAGE_KEY: Final = tuple(column.name for column in usage.columns if column.primary_key)
USAGE_SUMS: Final = tuple(column.name for column in usage.columns if not column.primary_key)
