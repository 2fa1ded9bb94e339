"""What one transaction of the writer does: rows in, each counted once, outcomes by submission.

The engines' statements are in `sessions`, the counts in `tally`; begin, commit and failure are the writer's.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, islice

from guard_store.ledger.append import append
from guard_store.ledger.bodies import store_bodies
from guard_store.ledger.entry import Entry
from guard_store.spending.transaction import spend
from guard_store.writer import tally
from guard_store.writer.ledger_entries import entries_of
from guard_store.writer.rows import PROJECT, LabelRow, Outcome, Row, Submission
from guard_store.writer.sessions import Session
from guard_store.writer.targets import EVENTS, LABELS, Stored, Target

_NOTHING = Outcome(0, frozenset())
_AS_STORED = Outcome(1, frozenset())


def store_submissions(session: Session, submissions: Sequence[Submission], close_delay_s: int) -> list[Outcome]:
    """All statements of one transaction; news and ledger last, because their locks make other writers wait."""
    has_rows = any(submission.rows or submission.labels or submission.rejected for submission in submissions)
    outcomes = _store_rows(session, submissions, close_delay_s) if has_rows else [_NOTHING] * len(submissions)
    entries = [*_spend(session, submissions, outcomes), *entries_of(session, submissions, outcomes)]
    if entries:
        last_seq = append(session, entries)
        bodies = {id(s.entries[0]): s.bodies for s in submissions if s.bodies is not None}
        if bodies:
            store_bodies(session, entries, last_seq, bodies)
    return outcomes


def _store_rows(session: Session, submissions: Sequence[Submission], close_delay_s: int) -> list[Outcome]:
    rows: list[Row] = list(chain.from_iterable(submission.rows for submission in submissions))
    labels: list[LabelRow] = list(chain.from_iterable(submission.labels for submission in submissions))
    # Events first: where PostgreSQL meets a duplicate among them, it begins the transaction again.
    duplicate = _duplicates(EVENTS, rows, session.insert(EVENTS, rows) if rows else None)
    duplicate_label = _duplicates(LABELS, labels, session.insert(LABELS, labels) if labels else None)
    project_ids = {row[PROJECT] for row in rows} | {row[PROJECT] for row in labels}
    project_ids |= {key[0] for s in submissions for key in s.rejected}
    zones = session.zones(sorted(project_ids))
    tally.require_projects(zones, project_ids)
    rejections = tally.rejection_rows(submissions, zones)
    news = tally.news_rows(rows, duplicate, submissions, zones, close_delay_s)
    session.upsert("rejections", tally.REJECTION_COLUMNS, rejections, tally.REJECTION_CONFLICT)
    session.upsert("day_news", tally.NEWS_COLUMNS, news, tally.NEWS_CONFLICT)
    return _outcomes(submissions, duplicate, duplicate_label)


def _spend(session: Session, submissions: Sequence[Submission], outcomes: list[Outcome]) -> list[Entry]:
    """Reserve and settle; the answers go into the outcomes, what only a standing reservation puts on the ledger is returned."""
    reserving = [(place, s.reserve) for place, s in enumerate(submissions) if s.reserve is not None]
    settling = [s.settle for s in submissions if s.settle is not None]
    if not reserving and not settling:
        return []
    answers, standing = spend(session, [reservation for _, reservation in reserving], settling)
    for (place, _), answer in zip(reserving, answers, strict=True):
        outcomes[place] = Outcome(0, frozenset(), reserved=answer)
    return [settlement.entry for settlement in standing if settlement.entry is not None]


def _duplicates(target: Target, rows: Sequence[Row] | Sequence[LabelRow], stored: Stored) -> list[bool]:
    if stored is None:
        return [False] * len(rows)
    duplicate = []
    for row in rows:
        key = target.key(row)
        duplicate.append(key not in stored)
        stored.discard(key)  # the same id again, within the group
    return duplicate


def _outcomes(
    submissions: Sequence[Submission], duplicate: Sequence[bool], duplicate_label: Sequence[bool]
) -> list[Outcome]:
    if not any(duplicate) and not duplicate_label:
        return [_AS_STORED if len(s.rows) == 1 else Outcome(len(s.rows), frozenset()) for s in submissions]
    events, labels = iter(duplicate), iter(duplicate_label)
    return [
        _outcome(islice(labels, len(s.labels)), labels=True)
        if s.labels
        else _outcome(islice(events, len(s.rows)), labels=False)
        for s in submissions
    ]


def _outcome(duplicate: Iterable[bool], *, labels: bool) -> Outcome:
    repeated = list(duplicate)
    places = frozenset(place for place, is_repeated in enumerate(repeated) if is_repeated)
    return Outcome(len(repeated) - len(places), places, labels)
