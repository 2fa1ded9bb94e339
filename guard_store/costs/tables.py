"""Tables of costs: the outcome of the last pull of each day, its lines, and the number of requests to AWS.

Only their schema belongs here; `store` and `request_limit` read and write them. Amounts are stored as decimal text, and so exact.
"""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Text

from guard_store.db.metadata import metadata

cost_pulls = Table(
    "cost_pulls",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("source", String(8), primary_key=True),  # aws, llm
    Column("state", String(16), nullable=False),  # ok, partial, unavailable
    Column("reason", Text),
    Column("basis", String(16), nullable=False),  # local_day, utc_day
    Column("estimated", Boolean, nullable=False),
    Column("pulled_us", BigInteger),  # null: no figures yet
    Column("tried_us", BigInteger, nullable=False),
)

# Lines of a day: `label` is the value of the tag (aws) or the model (llm).
costs = Table(
    "costs",
    metadata,
    Column("project_id", String(128), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("source", String(8), primary_key=True),
    Column("service", String(256), primary_key=True),
    Column("label", String(256), primary_key=True),
    Column("currency", String(8), primary_key=True),
    Column("unblended", String(64), nullable=False),
    Column("amortised", String(64), nullable=False),
)

# Requests to Cost Explorer by UTC day: each costs money.
aws_cost_requests = Table(
    "aws_cost_requests",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("requests", Integer, nullable=False),
)
