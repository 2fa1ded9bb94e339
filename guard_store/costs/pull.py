"""Read local days of projects from AWS: choose the days, combine them into few requests, store the answers.

The client of AWS is `explorer`. A failure of AWS raises no error here: it is recorded with the days.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from guard_core.days import from_microseconds, microseconds, now_us
from guard_core.settings import Settings
from guard_core.units import HOUR_US
from guard_store.costs.allocation import Allocation
from guard_store.costs.explorer import CostExplorer, CostExplorerError, Granularity, Period
from guard_store.costs.request_limit import RequestBudget
from guard_store.costs.rows import Basis, CostDay, CostLine, PullState
from guard_store.costs.store import CostStore
from guard_store.db.database import Database
from guard_store.projects.store import Project

HOURS_KEPT_DAYS = 14  # AWS keeps hourly data this long
_DAYS_AT_ONCE = 92
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_NO_DATA = "AWS says nothing of this day"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CostRequest:
    """A local day of a project to read, and the span of time that covers it."""

    owner: Allocation
    day: date
    granularity: Granularity
    start: datetime
    end: datetime

    @property
    def basis(self) -> Basis:
        """Whether the span is the project's local day or a UTC day."""
        return "local_day" if self.granularity == "HOURLY" else "utc_day"


@dataclass(slots=True)
class CostPull:
    """The outcome of a pull.

    Attributes
    ----------
    read : days whose figures are new.
    kept : days that were final already, as (project, day).
    failed : reason why a day was not read, by (project, day).
    """

    requests: int = 0
    read: list[CostDay] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)


def pull_aws(
    database: Database, settings: Settings, projects: Sequence[Project], days: Collection[date], *, overwrite: bool
) -> CostPull:
    """Read local days of projects that have begun, and replace their stored costs.

    Parameters
    ----------
    overwrite : whether days whose figures are final are read again.
    """
    outcome = CostPull()
    store = CostStore(database)
    with closing(CostExplorer(RequestBudget(database, settings.aws.cost_requests))) as explorer:
        for batch in _batches(_requests(store, settings, projects, days, outcome, overwrite=overwrite)):
            try:
                periods = explorer.read(*_span(batch), batch[0].granularity, batch[0].owner.tag)
            except CostExplorerError as error:
                answered: list[CostDay] = []
                unanswered = dict.fromkeys(batch, str(error))
            else:
                answered, unanswered = _split_by_answer(batch, periods)
            store.replace(answered)
            outcome.read += answered
            _record_failures(store, unanswered, outcome)
    outcome.requests = explorer.requests
    if outcome.failed:
        _log.warning("costs of %d days could not be read: %s", len(outcome.failed), next(iter(outcome.failed.values())))
    return outcome


def _requests(
    store: CostStore,
    settings: Settings,
    projects: Iterable[Project],
    days: Collection[date],
    outcome: CostPull,
    *,
    overwrite: bool,
) -> list[CostRequest]:
    requests: list[CostRequest] = []
    if not days:
        return requests
    first, last = min(days).isoformat(), max(days).isoformat()
    for project in projects:
        owner = Allocation.of(project, settings)
        stored_days = {day.day: day for day in store.days(project.id, first, last, "aws")}
        for day in sorted(days):
            item = _request_of(owner, day)
            stored = stored_days.get(day.isoformat())
            if item.start > datetime.now(UTC):
                continue
            if overwrite or stored is None or not _is_kept(stored, item):
                requests.append(item)
            else:
                outcome.kept.append((project.id, stored.day))
    return requests


def _record_failures(store: CostStore, unanswered: Mapping[CostRequest, str], outcome: CostPull) -> None:
    failed: dict[tuple[str, str, Basis], list[str]] = defaultdict(list)
    for item, reason in unanswered.items():
        failed[item.owner.project_id, reason, item.basis].append(item.day.isoformat())
    for (project_id, reason, basis), days in failed.items():
        store.fail(project_id, "aws", days, reason, basis)
        outcome.failed |= {(project_id, day): reason for day in days}


def _is_kept(stored: CostDay, item: CostRequest) -> bool:
    # AWS deletes hourly data after two weeks: a local day summed from hours is not replaced by a UTC day.
    return stored.is_final or (stored.pulled_us is not None and stored.basis == "local_day" != item.basis)


def _request_of(owner: Allocation, day: date) -> CostRequest:
    start, end = map(from_microseconds, owner.days.bounds_us(day))
    if owner.hourly and start > datetime.now(UTC) - timedelta(days=HOURS_KEPT_DAYS):
        return CostRequest(owner, day, "HOURLY", _next_hour(start), _next_hour(end))
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return CostRequest(owner, day, "DAILY", midnight, midnight + _DAY)


def _next_hour(instant: datetime) -> datetime:
    # AWS reports hours of UTC; an hour belongs to the local day in which it begins.
    return from_microseconds(-(-microseconds(instant) // HOUR_US) * HOUR_US)


def _batches(requests: Sequence[CostRequest]) -> list[list[CostRequest]]:
    """Group requests that one query to AWS can answer: same tag and granularity, at most one quarter."""
    batches: list[list[CostRequest]] = []
    for item in sorted(requests, key=lambda item: (item.owner.tag, item.granularity, item.start)):
        first = batches[-1][0] if batches else None
        if (
            first is not None
            and (first.owner.tag, first.granularity) == (item.owner.tag, item.granularity)
            and item.end - first.start <= timedelta(days=_DAYS_AT_ONCE)
        ):
            batches[-1].append(item)
        else:
            batches.append([item])
    return batches


def _span(requests: Sequence[CostRequest]) -> tuple[datetime, datetime]:
    start, end = min(item.start for item in requests), max(item.end for item in requests)
    if requests[0].granularity == "DAILY":
        return start, end
    return start, max(min(end, _next_hour(datetime.now(UTC))), start + _HOUR)


def _split_by_answer(
    requests: Sequence[CostRequest], periods: Mapping[datetime, Period]
) -> tuple[list[CostDay], dict[CostRequest, str]]:
    answered, unanswered = [], {}
    for item in requests:
        starts = [start for start in periods if item.start <= start < item.end]
        if starts:
            answered.append(_cost_day(item, [periods[start] for start in starts]))
        else:
            unanswered[item] = _NO_DATA
    return answered, unanswered


def _cost_day(item: CostRequest, periods: Sequence[Period]) -> CostDay:
    hours = (item.end - item.start) // _HOUR
    is_complete = item.granularity == "DAILY" or len(periods) == hours
    state: PullState = "ok" if is_complete else "partial"
    return CostDay(
        project_id=item.owner.project_id,
        day=item.day.isoformat(),
        source="aws",
        state=state,
        reason=None if is_complete else f"{len(periods)} of {hours} hours",
        basis=item.basis,
        estimated=any(period.estimated for period in periods) or microseconds(item.end) > now_us(),
        pulled_us=now_us(),
        lines=_lines(item.owner, periods),
    )


def _lines(owner: Allocation, periods: Iterable[Period]) -> tuple[CostLine, ...]:
    total = Period(estimated=False, lines={})
    for period in periods:
        for line in period.lines.values():
            if owner.owns(line.label):
                total.add(line)
    return tuple(total.lines[key] for key in sorted(total.lines))
