"""Rows of the ledger, read from its store."""

import json
from typing import Any

import msgspec

from guard_store.ledger.entry import row_hash
from guard_store.ledger.store import LedgerFilter
from serving.app import Services


def read_ledger(services: Services, **wanted: Any) -> list[dict[str, Any]]:
    """Read rows of the ledger, newest first."""
    found = services.audit.store.page(LedgerFilter(**wanted), None, 1_000)
    return [msgspec.structs.asdict(row) for row in found]


def read_chain(services: Services, **wanted: Any) -> list[dict[str, Any]]:
    """Read rows of the ledger, oldest first, with their details decoded; the hash of each must fit its content."""
    found = services.audit.store.page(LedgerFilter(**wanted), None, 1_000)
    rows = [msgspec.structs.asdict(row) for row in reversed(found)]
    assert all(row_hash(row) == row.hash for row in found)
    return [{**row, "details": json.loads(row["details"])} for row in rows]


def read_tool_calls(services: Services, **wanted: Any) -> list[dict[str, Any]]:
    """Read the rows of tool calls, oldest first."""
    return [row for row in read_chain(services, **wanted) if row["method"] == "TOOL"]
