"""What a transaction of rows puts on the ledger: one entry for all requests of one sender and project, with their counts.

A row of the ledger for each of ten thousand events a second would say no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from guard_core.days import now_us
from guard_store.ledger.append import Statements
from guard_store.ledger.entry import Entry
from guard_store.writer.rows import PROJECT, Outcome, Sender, Submission

_STORED = 200
_ASKED_AT_ONCE = 500
_json = msgspec.json.Encoder().encode


@dataclass(slots=True)
class _Counts:
    requests: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    request_ids: list[str | None] = field(default_factory=list)


def entries_of(statements: Statements, submissions: Sequence[Submission], outcomes: Sequence[Outcome]) -> list[Entry]:
    """The entries of a transaction, in the order of its submissions."""
    entries: list[Entry] = []
    by_sender: dict[tuple[Sender, str | None], _Counts] = {}
    for submission, outcome in zip(submissions, outcomes, strict=True):
        if submission.entries:
            # Rows that were there before can mean that a journal is stored again, entries included.
            entries.extend(_new(statements, submission.entries) if outcome.duplicates else submission.entries)
        if submission.sender is not None:
            counts = by_sender.setdefault((submission.sender, _project(submission)), _Counts())
            counts.requests += 1
            counts.accepted += outcome.accepted
            counts.duplicates += len(outcome.duplicates)
            counts.rejected += sum(submission.rejected.values())
            counts.request_ids.append(submission.request_id)
    at_us = now_us() if by_sender else 0
    entries.extend(_entry(sender, project_id, counts, at_us) for (sender, project_id), counts in by_sender.items())
    return entries


def _new(statements: Statements, entries: Sequence[Entry]) -> list[Entry]:
    found: set[tuple[object, ...]] = set()
    for start in range(0, len(entries), _ASKED_AT_ONCE):
        ids = [entry.request_id for entry in entries[start : start + _ASKED_AT_ONCE]]
        sql = f"SELECT request_id, at_us FROM ledger WHERE request_id IN ({', '.join('?' * len(ids))})"  # noqa: S608
        found.update(statements.run(sql, ids))
    return [entry for entry in entries if (entry.request_id, entry.at_us) not in found]


def _project(submission: Submission) -> str | None:
    """The project of a request; None where it has rows of several."""
    rows = submission.rows or submission.labels
    if len(rows) == 1 and not submission.rejected:
        return rows[0][PROJECT]
    projects = {row[PROJECT] for row in rows} | {key[0] for key in submission.rejected}
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
