"""What one transaction of the writer does: rows in, each counted once, outcomes by submission.

The engines' statements are in `sessions`, the counts in `tally`; begin, commit and failure are the writer's.
"""

from collections.abc import Sequence
from itertools import chain

from guard_store.events import tally
from guard_store.events.rows import EVENT, PROJECT, Outcome, Row, Submission
from guard_store.events.sessions import Session, Stored

_AS_STORED = Outcome(1, frozenset())


def store_submissions(session: Session, submissions: Sequence[Submission], close_delay_s: int) -> list[Outcome]:
    """All statements of one transaction; the news rows last, because their locks make other writers wait."""
    rows: list[Row] = list(chain.from_iterable(submission.rows for submission in submissions))
    duplicate = _duplicates(rows, session.insert_events(rows) if rows else None)
    project_ids = {row[PROJECT] for row in rows} | {key[0] for s in submissions for key in s.rejected}
    zones = session.zones(sorted(project_ids))
    rejections = tally.rejection_rows(submissions, zones)
    news = tally.news_rows(rows, duplicate, submissions, zones, close_delay_s)
    session.upsert("rejections", tally.REJECTION_COLUMNS, rejections, tally.REJECTION_CONFLICT)
    session.upsert("day_news", tally.NEWS_COLUMNS, news, tally.NEWS_CONFLICT)
    return _outcomes(submissions, duplicate)


def _duplicates(rows: Sequence[Row], stored: Stored) -> list[bool]:
    if stored is None:
        return [False] * len(rows)
    duplicate = []
    for row in rows:
        key = (row[PROJECT], row[EVENT])
        duplicate.append(key not in stored)
        stored.discard(key)  # the same id again, within the group
    return duplicate


def _outcomes(submissions: Sequence[Submission], duplicate: Sequence[bool]) -> list[Outcome]:
    if not any(duplicate):
        return [_AS_STORED if len(s.rows) == 1 else Outcome(len(s.rows), frozenset()) for s in submissions]
    outcomes, start = [], 0
    for submission in submissions:
        end = start + len(submission.rows)
        places = frozenset(place for place, repeated in enumerate(duplicate[start:end]) if repeated)
        outcomes.append(Outcome(end - start - len(places), places))
        start = end
    return outcomes
