"""Counts what a group of rows means for each (project, model, local day), and writes those counts.

The rows' own storage is `sessions`; which stage has seen which revision is the pipelines' business.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guard_store.events.rows import MODEL, PROJECT, RECEIVED, TS, Row, RowsRefusedError, Submission
from guard_store.local_days import local_days

_EPOCH = date(1970, 1, 1)
_MICROSECONDS = 1_000_000
_DAYS = 2**17  # more than there are local days
_pair = itemgetter(PROJECT, MODEL)

NEWS_COLUMNS = (
    "project_id",
    "model_id",
    "day",
    "events",
    "late",
    "duplicates",
    "revision",
    "changes",
    "request_id",
    "changed_us",
)
# A duplicate is counted but is no news: it must not make a day run again, nor take over its request id.
NEWS_CONFLICT = """ON CONFLICT (project_id, model_id, day) DO UPDATE SET
    events = day_news.events + excluded.events,
    late = day_news.late + excluded.late,
    duplicates = day_news.duplicates + excluded.duplicates,
    revision = day_news.revision + excluded.revision,
    changes = day_news.changes + excluded.changes,
    request_id = CASE WHEN excluded.revision > 0 THEN excluded.request_id ELSE day_news.request_id END,
    changed_us = CASE WHEN excluded.revision > 0 THEN excluded.changed_us ELSE day_news.changed_us END"""

REJECTION_COLUMNS = ("project_id", "model_id", "day", "field", "count")
REJECTION_CONFLICT = """ON CONFLICT (project_id, model_id, day, field) DO UPDATE SET
    count = rejections.count + excluded.count"""


def news_rows(
    rows: Sequence[Row],
    duplicate: Sequence[bool],
    submissions: Sequence[Submission],
    zones: Mapping[str, str],
    close_delay_s: int,
) -> list[tuple[Any, ...]]:
    """One row of `NEWS_COLUMNS` for each (project, model, local day) of a group, in key order.

    Parameters
    ----------
    rows : all rows of the group, submission after submission.
    duplicate : which of them were there before.
    zones : IANA zone of each project.
    """
    if not rows:
        return []
    keys = list(map(_pair, rows))
    pairs = sorted(set(keys))
    place = {pair: i for i, pair in enumerate(pairs)}
    pair_of = _column(map(place.__getitem__, keys), len(rows))
    days, late = _days(rows, [pair[0] for pair in pairs], pair_of, zones, close_delay_s)
    told, where = np.unique(pair_of * _DAYS + days, return_inverse=True)
    is_duplicate = np.array(duplicate, dtype=bool)
    stored, stored_late, repeated = (
        np.bincount(where[mask], minlength=len(told)).tolist()
        for mask in (~is_duplicate, ~is_duplicate & late, is_duplicate)
    )
    last = np.zeros(len(told), np.int64)
    np.maximum.at(last, where, np.arange(len(rows)))
    ends = list(accumulate(len(submission.rows) for submission in submissions))
    found = []
    for i, (pair, day) in enumerate(divmod(code, _DAYS) for code in told.tolist()):
        changed = int(stored[i] > 0)
        cause = submissions[bisect_right(ends, last[i])]
        key = (*pairs[pair], (_EPOCH + timedelta(days=day)).isoformat())
        counts = (stored[i], stored_late[i], repeated[i], changed, changed)
        found.append((*key, *counts, cause.request_id, cause.received_us))
    return found


def rejection_rows(submissions: Iterable[Submission], zones: Mapping[str, str]) -> list[tuple[Any, ...]]:
    """One row of `REJECTION_COLUMNS` for each (project, model, local day of arrival, field), in key order."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for submission in submissions:
        for (project_id, model_id, field), n in submission.rejected.items():
            day = local_days(zones[project_id]).of(submission.received_us)
            counts[project_id, model_id, day.isoformat(), field] += n
    return [(*key, n) for key, n in sorted(counts.items())]


def _days(
    rows: Sequence[Row],
    project_ids: Sequence[str],
    pair_of: NDArray[np.int64],
    zones: Mapping[str, str],
    close_delay_s: int,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Local day of each row, in days since the epoch, and whether it arrived after that day was closed.

    Parameters
    ----------
    project_ids, pair_of : the project of each pair of project and model, and each row's pair.
    """
    ts_us, received_us = (_column(map(itemgetter(place), rows), len(rows)) for place in (TS, RECEIVED))
    days = np.empty(len(rows), dtype=np.int64)
    late = np.empty(len(rows), dtype=bool)
    for project_id in set(project_ids):
        calendar = local_days(zones[project_id])
        where = np.array([other == project_id for other in project_ids])[pair_of]
        unique, inverse = np.unique(calendar.of_many(ts_us[where]), return_inverse=True)
        closes_us = [calendar.bounds_us(day)[1] + close_delay_s * _MICROSECONDS for day in unique.tolist()]
        days[where] = unique.astype(np.int64)[inverse]
        late[where] = received_us[where] >= np.array(closes_us)[inverse]
    return days, late


def _column(values: Iterable[int], n: int) -> NDArray[np.int64]:
    return np.fromiter(values, np.int64, n)


def require_projects(zones: Mapping[str, str], project_ids: Iterable[str]) -> None:
    """Refuse rows of projects that do not exist.

    Raises
    ------
    RowsRefusedError
        Where there is one.
    """
    for project_id in project_ids:
        if project_id not in zones:
            raise RowsRefusedError(f"project {project_id!r} does not exist (any more)")
