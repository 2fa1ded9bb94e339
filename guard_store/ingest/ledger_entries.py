"""Entries of the ledger for a group of rows: one for all requests of one sender and project, with their counts.

One entry per request would be up to ten thousand rows a second, without more information.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from guard_core.days import now_us
from guard_store.ingest.rows import Sender, StoreEvents, StoreLabels
from guard_store.ledger.append import Statements
from guard_store.ledger.entry import Entry

_STORED = 200
_IDS_A_STATEMENT = 500
_json = msgspec.json.Encoder().encode


@dataclass(slots=True)
class _Counts:
    requests: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    request_ids: list[str | None] = field(default_factory=list)


def entries_of(statements: Statements, works: Sequence[StoreEvents | StoreLabels]) -> list[Entry]:
    """Return the entries of works that have been stored, in their order."""
    entries: list[Entry] = []
    by_sender: dict[tuple[Sender, str | None], _Counts] = {}
    for work in works:
        if isinstance(work, StoreEvents) and work.entries:
            # Duplicates may come from a journal that is stored again, including its entries.
            entries.extend(_without_stored(statements, work.entries) if work.outcome.duplicates else work.entries)
        if work.sender is not None:
            counts = by_sender.setdefault((work.sender, _project(work)), _Counts())
            counts.requests += 1
            counts.accepted += work.outcome.accepted
            counts.duplicates += len(work.outcome.duplicates)
            counts.rejected += sum(work.rejected.values())
            counts.request_ids.append(work.request_id)
    at_us = now_us() if by_sender else 0
    entries.extend(_entry(sender, project_id, counts, at_us) for (sender, project_id), counts in by_sender.items())
    return entries


def _without_stored(statements: Statements, entries: Sequence[Entry]) -> list[Entry]:
    stored: set[tuple[object, ...]] = set()
    for start in range(0, len(entries), _IDS_A_STATEMENT):
        ids = [entry.request_id for entry in entries[start : start + _IDS_A_STATEMENT]]
        sql = f"SELECT request_id, at_us FROM ledger WHERE request_id IN ({', '.join('?' * len(ids))})"  # noqa: S608
        stored.update(statements.run(sql, ids))
    return [entry for entry in entries if (entry.request_id, entry.at_us) not in stored]


def _project(work: StoreEvents | StoreLabels) -> str | None:
    """Return the project of a request; None if it has rows of several."""
    if len(work.rows) == 1 and not work.rejected:
        return work.rows[0].project_id
    projects = {row.project_id for row in work.rows} | {key[0] for key in work.rejected}
    return projects.pop() if len(projects) == 1 else None


def _entry(sender: Sender, project_id: str | None, counts: _Counts, at_us: int) -> Entry:
    details = {
        "requests": counts.requests,
        "accepted": counts.accepted,
        "duplicates": counts.duplicates,
        "rejected": counts.rejected,
    }
    if counts.requests > 1:
        details["request_ids"] = counts.request_ids  # type: ignore[assignment]
    return Entry(
        at_us=at_us,
        route=sender.route,
        method="POST",
        status=_STORED,
        request_id=counts.request_ids[0],
        key_id=sender.key_id,
        role=sender.role,
        project_id=project_id,
        details=_json(details).decode(),
    )
