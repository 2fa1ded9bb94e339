"""Tables of decided calls of external tools, and of the inputs of research steps.

Only their schema belongs here; `steps` and `tool_calls` read and write them.
"""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Text

from guard_store.db.metadata import metadata

# The decision on a call, and its outcome; of the arguments only a hash.
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

# The input of a research step (JSON, as filtered by the content policy), and the hash of its output.
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
