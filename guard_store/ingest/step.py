"""The ingest step of a transaction: stores events and labels once each, counts them on their days, records their senders.

Counting is `day_counts`; the entries of the ledger are `ledger_entries`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain, islice

from guard_store.ingest.day_counts import count_days, count_rejections, require_projects
from guard_store.ingest.ledger_entries import entries_of
from guard_store.ingest.rows import NO_ROWS, ONE_ROW, EventRow, LabelRow, RowsOutcome, StoreEvents, StoreLabels
from guard_store.ingest.tables import events, labels
from guard_store.ledger.step import AppendEntry
from guard_store.projects.store import lock_zones
from guard_store.writer.sessions import Session
from guard_store.writer.target import Stored, Target
from guard_store.writer.work import Work

EVENTS = Target.of(events, EventRow, ("event_id", "project_id"), is_copied=True)
LABELS = Target.of(labels, LabelRow, ("project_id", "event_id", "observed_us", "value_hash"))


class IngestStep:
    """Stores rows; the first step of a transaction.

    Parameters
    ----------
    close_delay_s : seconds after local midnight from which an event of that day counts as late.
    """

    kinds = (StoreEvents, StoreLabels)

    def __init__(self, close_delay_s: int) -> None:
        self._close_delay_s = close_delay_s

    def apply(self, session: Session, works: Sequence[StoreEvents | StoreLabels]) -> Sequence[Work]:
        """Store the rows of a group; return works that append the entries of their senders to the ledger."""
        self._store(
            session,
            [work for work in works if isinstance(work, StoreEvents)],
            [work for work in works if isinstance(work, StoreLabels)],
        )
        return [AppendEntry(entry) for entry in entries_of(session, works)]

    def _store(self, session: Session, of_events: Sequence[StoreEvents], of_labels: Sequence[StoreLabels]) -> None:
        event_rows = list(chain.from_iterable(work.rows for work in of_events))
        label_rows = list(chain.from_iterable(work.rows for work in of_labels))
        # Events first: if PostgreSQL finds a duplicate among them, the transaction is restarted.
        repeated = _duplicates(EVENTS, event_rows, session.insert(EVENTS, event_rows) if event_rows else None)
        repeated_labels = _duplicates(LABELS, label_rows, session.insert(LABELS, label_rows) if label_rows else None)
        project_ids = {row.project_id for row in event_rows} | {row.project_id for row in label_rows}
        works: list[StoreEvents | StoreLabels] = [*of_events, *of_labels]
        project_ids |= {key[0] for work in works for key in work.rejected}
        if project_ids:
            zones = lock_zones(session, sorted(project_ids))
            require_projects(zones, project_ids)
            count_rejections(session, works, zones)
            count_days(session, *_without_replays(of_events, event_rows, repeated), zones, self._close_delay_s)
        _set_outcomes(of_events, repeated)
        _set_outcomes(of_labels, repeated_labels)


def _duplicates(target: Target, rows: Sequence[EventRow] | Sequence[LabelRow], stored: Stored) -> list[bool]:
    if stored is None:
        return [False] * len(rows)
    duplicates = []
    for row in rows:
        key = target.key(row)
        duplicates.append(key not in stored)
        stored.discard(key)  # the same id again, within the group
    return duplicates


def _without_replays(
    works: Sequence[StoreEvents], rows: Sequence[EventRow], duplicates: Sequence[bool]
) -> tuple[Sequence[EventRow], Sequence[bool], Sequence[StoreEvents]]:
    """Return rows, duplicates and works without the rows of replays that were stored before."""
    if not any(work.is_replay for work in works) or not any(duplicates):
        return rows, duplicates, works
    remaining = iter(duplicates)
    counted, flags, kept = [], [], []
    for work in works:
        pairs = list(zip(work.rows, islice(remaining, len(work.rows)), strict=True))
        pairs = [pair for pair in pairs if not (work.is_replay and pair[1])]
        counted += [row for row, _ in pairs]
        flags += [flag for _, flag in pairs]
        kept.append(replace(work, rows=[row for row, _ in pairs]))
    return counted, flags, kept


def _set_outcomes(works: Sequence[StoreEvents] | Sequence[StoreLabels], duplicates: Sequence[bool]) -> None:
    if not any(duplicates):
        for work in works:
            n = len(work.rows)
            work.outcome = ONE_ROW if n == 1 else RowsOutcome(n, frozenset()) if n else NO_ROWS
        return
    remaining = iter(duplicates)
    for work in works:
        work.outcome = _outcome(islice(remaining, len(work.rows)))


def _outcome(duplicates: Iterable[bool]) -> RowsOutcome:
    repeated = list(duplicates)
    places = frozenset(place for place, is_repeated in enumerate(repeated) if is_repeated)
    return RowsOutcome(len(repeated) - len(places), places)
