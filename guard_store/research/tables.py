"""Tables of tools and research: calls of others that were decided here, and the inputs of research steps.

Only their shape belongs here; `steps` and `tool_calls` read and write them.
"""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Text

from guard_store.db.metadata import metadata

# A call that was asked about, and what was told of it; arguments are a hash.
tool_calls = Table(
    "tool_calls",
    metadata,
    Column("key_id", String(128), primary_key=True),
    Column("call_id", String(128), primary_key=True),
    Column("project_id", String(128)),
    Column("tool", String(128), nullable=False),
    Column("arguments_hash", String(64), nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("rule", String(128)),
    Column("reason", Text),
    Column("checked_us", BigInteger, nullable=False, index=True),
    Column("outcome", String(16)),
    Column("latency_us", BigInteger),
    Column("result_hash", String(64)),
    Column("recorded_us", BigInteger),
)

# What a step of a research was given (JSON, as the policy let it through), and the hash of what it made of it.
research_steps = Table(
    "research_steps",
    metadata,
    Column("call_id", String(32), primary_key=True),
    Column("request_id", String(128), nullable=False, index=True),
    Column("place", Integer, nullable=False),
    Column("project_id", String(128)),
    Column("key_id", String(128)),
    Column("tool", String(128), nullable=False),
    Column("input", Text, nullable=False),
    Column("input_hash", String(64), nullable=False),
    Column("output_hash", String(64), nullable=False),
    Column("knowledge_version", BigInteger),
    Column("made_us", BigInteger, nullable=False, index=True),
)
