"""Counts of a group of rows by (project, model, local day), added to the day states and to the counts of rejections.

Storing the rows is `step`; the progress of the stages is `guard_store.day_state`.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate, count, product
from operator import attrgetter
from typing import Any

import numpy as np

from guard_core.days import local_days
from guard_core.units import SECOND_US
from guard_store.ingest.rows import EventRow, StoreEvents, StoreLabels
from guard_store.writer.sessions import Session
from guard_store.writer.work import RowsRefusedError

_EPOCH = date(1970, 1, 1)
_project, _model = attrgetter("project_id"), attrgetter("model_id")
_ts, _received = attrgetter("ts_us"), attrgetter("received_us")

_DAY_COLUMNS = (
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
# A duplicate is counted, but the day stays processed: it is not run again and keeps its request id.
_DAY_CONFLICT = """ON CONFLICT (project_id, model_id, day) DO UPDATE SET
    events = day_news.events + excluded.events,
    late = day_news.late + excluded.late,
    duplicates = day_news.duplicates + excluded.duplicates,
    revision = day_news.revision + excluded.revision,
    changes = day_news.changes + excluded.changes,
    request_id = CASE WHEN excluded.revision > 0 THEN excluded.request_id ELSE day_news.request_id END,
    changed_us = CASE WHEN excluded.revision > 0 THEN excluded.changed_us ELSE day_news.changed_us END"""

_REJECTION_COLUMNS = ("project_id", "model_id", "day", "field", "count")
_REJECTION_CONFLICT = """ON CONFLICT (project_id, model_id, day, field) DO UPDATE SET
    count = rejections.count + excluded.count"""


def count_days(
    session: Session,
    rows: Sequence[EventRow],
    duplicates: Sequence[bool],
    works: Sequence[StoreEvents],
    zones: Mapping[str, str],
    close_delay_s: int,
) -> None:
    """Add the events of a group to the state of their local days.

    Parameters
    ----------
    rows : all events of the group, in the order of the works.
    duplicates : for each row, whether it was stored before.
    zones : IANA zone of each project.
    """
    if rows:
        day_rows = _day_rows(rows, duplicates, works, zones, close_delay_s)
        session.upsert("day_news", _DAY_COLUMNS, day_rows, _DAY_CONFLICT)


def count_rejections(session: Session, works: Iterable[StoreEvents | StoreLabels], zones: Mapping[str, str]) -> None:
    """Add the rejected rows of a group to the counts of their local day of arrival."""
    session.upsert("rejections", _REJECTION_COLUMNS, _rejection_rows(works, zones), _REJECTION_CONFLICT)


def _day_rows(
    rows: Sequence[EventRow],
    duplicates: Sequence[bool],
    works: Sequence[StoreEvents],
    zones: Mapping[str, str],
    close_delay_s: int,
) -> list[tuple[Any, ...]]:
    """Return one row of `_DAY_COLUMNS` for each (project, model, local day), in key order."""
    days, late = _days(rows, zones, close_delay_s)
    kinds = list(zip(map(_project, rows), map(_model, rows), days, late, duplicates, strict=True))
    counts = Counter(kinds)
    last = dict(zip(kinds, count(), strict=False))
    ends = list(accumulate(len(work.rows) for work in works))
    day_rows = []
    for project_id, model_id, day in sorted({kind[:3] for kind in counts}):
        by_kind = {pair: (project_id, model_id, day, *pair) for pair in product((False, True), repeat=2)}
        stored_late, in_time = counts[by_kind[True, False]], counts[by_kind[False, False]]
        repeated = counts[by_kind[True, True]] + counts[by_kind[False, True]]
        stored = stored_late + in_time
        changed = int(stored > 0)
        cause = works[bisect_right(ends, max(last.get(kind, -1) for kind in by_kind.values()))]
        key = (project_id, model_id, (_EPOCH + timedelta(days=day)).isoformat())
        day_rows.append((*key, stored, stored_late, repeated, changed, changed, cause.request_id, cause.received_us))
    return day_rows


def _rejection_rows(works: Iterable[StoreEvents | StoreLabels], zones: Mapping[str, str]) -> list[tuple[Any, ...]]:
    """Return one row of `_REJECTION_COLUMNS` for each (project, model, local day of arrival, field), in key order."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for work in works:
        for (project_id, model_id, field), n in work.rejected.items():
            day = local_days(zones[project_id]).of(work.received_us)
            counts[project_id, model_id, day.isoformat(), field] += n
    return [(*key, n) for key, n in sorted(counts.items())]


def _days(rows: Sequence[EventRow], zones: Mapping[str, str], close_delay_s: int) -> tuple[list[int], list[bool]]:
    """Return the local day of each row, in days since the epoch, and whether the row arrived after that day was closed."""
    ts_us = np.fromiter(map(_ts, rows), np.int64, len(rows))
    received_us = np.fromiter(map(_received, rows), np.int64, len(rows))
    project_ids = list(map(_project, rows))
    days = np.empty(len(rows), dtype=np.int64)
    late = np.empty(len(rows), dtype=bool)
    for project_id in set(project_ids):
        calendar = local_days(zones[project_id])
        of_project = np.fromiter((other == project_id for other in project_ids), bool, len(rows))
        local_dates = calendar.of_many(ts_us[of_project])
        unique, inverse = np.unique(local_dates, return_inverse=True)
        closes_us = [calendar.bounds_us(day)[1] + close_delay_s * SECOND_US for day in unique.tolist()]
        days[of_project] = local_dates.astype(np.int64)
        late[of_project] = received_us[of_project] >= np.array(closes_us)[inverse]
    return days.tolist(), late.tolist()


def require_projects(zones: Mapping[str, str], project_ids: Iterable[str]) -> None:
    """Check that the projects of a group exist.

    Raises
    ------
    RowsRefusedError
        If one of them does not.
    """
    for project_id in project_ids:
        if project_id not in zones:
            raise RowsRefusedError(f"project {project_id!r} does not exist (any more)")
