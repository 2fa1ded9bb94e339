"""Calls of external tools: the decision on each, and its outcome, recorded once."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, delete, select, update

from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert
from guard_store.research.tables import tool_calls


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A decided call; the last four fields are None until its outcome is recorded."""

    key_id: str
    call_id: str
    project_id: str | None
    tool: str
    arguments_hash: str
    allowed: bool
    rule: str | None
    reason: str | None
    checked_us: int
    outcome: str | None = None
    latency_us: int | None = None
    result_hash: str | None = None
    recorded_us: int | None = None


class ToolCallStore:
    """Stores calls by API key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, call: ToolCall) -> ToolCall:
        """Store a call; return it, or the stored one with the same id."""
        with self._database.write() as connection:
            insertion = dialect_insert(connection, tool_calls).values(asdict(call))
            connection.execute(insertion.on_conflict_do_nothing())
            row = connection.execute(select(tool_calls).where(_named(call.key_id, call.call_id))).one()
        return _call(row)

    def get(self, key_id: str, call_id: str) -> ToolCall | None:
        """Return a call by the key that requested it and its id."""
        with self._database.read() as connection:
            row = connection.execute(select(tool_calls).where(_named(key_id, call_id))).one_or_none()
        return None if row is None else _call(row)

    def record_outcome(
        self, key_id: str, call_id: str, outcome: str, latency_us: int, result_hash: str | None, now_us: int
    ) -> bool:
        """Record the outcome of a call; return False if one is recorded already."""
        values = {"outcome": outcome, "latency_us": latency_us, "result_hash": result_hash, "recorded_us": now_us}
        open_call = _named(key_id, call_id) & tool_calls.c.recorded_us.is_(None)
        with self._database.write() as connection:
            return connection.execute(update(tool_calls).where(open_call).values(values)).rowcount == 1

    def sweep(self, before_us: int) -> int:
        """Delete calls that were decided before an instant."""
        with self._database.write() as connection:
            return connection.execute(delete(tool_calls).where(tool_calls.c.checked_us < before_us)).rowcount


def _named(key_id: str, call_id: str) -> Any:
    return (tool_calls.c.key_id == key_id) & (tool_calls.c.call_id == call_id)


def _call(row: Row[Any]) -> ToolCall:
    return ToolCall(**row._mapping)
