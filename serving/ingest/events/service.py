"""Events after validation: checked against their projects, stored, and counted.

HTTP is `endpoints`; transactions are `guard_store.writer`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from guard_core.days import microseconds, now_us
from guard_core.ids import ID_RULE, is_id, new_event_ids
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_store.db.database import Database
from guard_store.ingest.rows import EventRow, RowsOutcome, Sender, StoreEvents, StoreLabels
from guard_store.projects.store import ProjectStore
from guard_store.steps import writer_steps
from guard_store.writer.work import QueueFullError, RowsRefusedError, StoreUnavailableError
from guard_store.writer.writer import Commit, GroupWriter
from serving.http.problems import NotFound, Unavailable, Unprocessable
from serving.http.unknown_names import unknown_project
from serving.ingest.accepted_instants import AcceptedInstants
from serving.ingest.events import metrics
from serving.ingest.events.schemas import Event, EventSchema
from serving.ingest.formats import Batch
from serving.ingest.labels import metrics as label_metrics
from serving.ingest.row_schema import RowError

_NEVER_US = 2**63

_json = msgspec.json.Encoder().encode

Authorise = Callable[[str], None]
"""Raises a problem if the caller may not send rows of a project."""


def allow_any(_project_id: str) -> None:
    """Allow every project, where the caller has been checked before."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of storing a batch.

    Attributes
    ----------
    rows : the stored events; empty for labels.
    indices : their indices in the request.
    errors : errors of the rejected rows, by index.
    has_new_ids : whether an id was generated for an event without one.
    """

    rows: Sequence[EventRow]
    indices: Sequence[int]
    outcome: RowsOutcome
    errors: Sequence[RowError]
    has_new_ids: bool


class EventService:
    """Stores the events of all projects."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.schema = EventSchema(settings)
        self._settings = settings
        self._projects = ProjectStore(database)
        self._accepted_instants = AcceptedInstants(settings, database)
        self._writer = GroupWriter(
            database,
            writer_steps(close_delay_s=settings.pipelines.close_delay_s),
            queue_rows=settings.ingest.queue_rows,
            on_commit=self._count_commit,
        )

    async def start(self) -> None:
        """Start the writer."""
        self._writer.start()

    async def stop(self) -> None:
        """Store the queued rows, then stop."""
        await asyncio.to_thread(self._writer.stop)

    @property
    def writer(self) -> GroupWriter:
        """The writer, for services that store events or entries themselves."""
        return self._writer

    @property
    def max_body_bytes(self) -> int:
        """Most bytes of a body, decompressed."""
        return self._settings.server.max_body_bytes

    @property
    def queue_depth(self) -> int:
        """Number of rows that wait for their commit."""
        return self._writer.queue_depth

    def new_batch(self) -> Batch[Event]:
        """Make an empty batch with the limits of the settings."""
        return Batch(self.schema, self._settings.ingest.max_batch_rows)

    def require_room(self) -> None:
        """Refuse a request before its body is read if the queue has no room for its rows.

        Raises
        ------
        Unavailable
            If the queue is full.
        """
        if self.queue_depth >= self._settings.ingest.queue_rows:
            raise _queue_full()

    async def store_event(
        self, checked: Event | RowError, authorise: Authorise, request_id: str, sender: Sender | None
    ) -> tuple[str, bool]:
        """Store one event; return its id, and whether it was stored before, once it is durable.

        Parameters
        ----------
        sender : recorded in the ledger; None if the entry of the request is there already.

        Raises
        ------
        NotFound
            If its project does not exist.
        Unprocessable
            If it violates the contract.
        Unavailable
            If it could not be stored now; sending it again is safe.
        """
        received_us = now_us()
        project_ids = () if checked.project_id is None else (checked.project_id,)
        first_us = await self.find_first_us(project_ids, authorise)
        if isinstance(checked, RowError):
            raise await self._reject(checked, first_us, received_us, request_id)
        if not first_us:
            raise await self.unknown_project(checked.project_id)
        t = microseconds(checked.timestamp)
        error = self._error(checked, t, 0, first_us, received_us)
        if error is not None:
            raise await self._reject(error, first_us, received_us, request_id)
        row = _row(checked, t, received_us, checked.event_id or new_event_ids(1)[0], request_id)
        work = StoreEvents((row,), received_us, request_id, sender=sender)
        await self.store(work)
        return row.event_id, bool(work.outcome.duplicates)

    async def store_batch(
        self, batch: Batch[Event], authorise: Authorise, request_id: str, sender: Sender, *, atomic: bool
    ) -> Receipt:
        """Store the valid events of a batch, or none if it is `atomic` and has an error; return once they are durable.

        Raises
        ------
        NotFound
            If none of its projects exists.
        Unavailable
            If it could not be stored now; sending it again is safe.
        """
        received_us = now_us()
        first_us = await self.find_batch_first_us(batch, authorise)
        ts_us = [microseconds(event.timestamp) for event in batch.rows]
        errors = [*batch.errors, *self._errors(batch, ts_us, first_us, received_us)]
        rejected = Counter(
            (e.project_id, e.model_id, self.schema.counted_field(e)) for e in errors if e.project_id in first_us
        )
        events, indices = batch.rows, batch.indices
        if len(errors) > len(batch.errors) or (atomic and errors):
            invalid = {error.index for error in errors}
            valid = [i for i, index in enumerate(indices) if index not in invalid]
            if atomic:
                rejected.update((events[i].project_id, events[i].model_id, "batch") for i in valid)
                valid = []
            events, indices, ts_us = [events[i] for i in valid], [indices[i] for i in valid], [ts_us[i] for i in valid]
        rows = _rows(events, ts_us, received_us, request_id)
        work = StoreEvents(rows, received_us, request_id, rejected, sender=sender if rows else None)
        await self.store(work)
        metrics.count_rejections(batch.n if atomic and errors else len(errors))
        has_new_ids = any(event.event_id is None for event in events)
        return Receipt(rows, indices, work.outcome, sorted(errors, key=lambda error: error.index), has_new_ids)

    async def _reject(
        self, error: RowError, first_us: Mapping[str, int], received_us: int, request_id: str
    ) -> Unprocessable:
        if error.project_id is not None and error.project_id in first_us:
            key = (error.project_id, error.model_id, self.schema.counted_field(error))
            await self.store(StoreEvents((), received_us, request_id, {key: 1}))
        metrics.count_rejections(1)
        return Unprocessable(f"{error.field} {error.reason}.", errors=[{"field": error.field, "reason": error.reason}])

    async def store(self, work: StoreEvents | StoreLabels) -> None:
        """Store rows; return once they are durable, with their outcome in `work`.

        Raises
        ------
        Unavailable
            If they could not be stored now; sending them again is safe.
        Unprocessable
            If the database refuses them.
        """
        if not (work.rows or work.rejected):
            return
        try:
            await self._writer.submit(work)
        except QueueFullError:
            metrics.count_unavailable(work.weight)
            raise _queue_full() from None
        except StoreUnavailableError as error:
            raise Unavailable(f"Nothing of this request was acknowledged: {error}. Send it again.") from error
        except RowsRefusedError as error:
            raise Unprocessable(f"The rows cannot be stored: {error}.") from error

    async def find_batch_first_us(self, batch: Batch[Any], authorise: Authorise) -> dict[str, int]:
        """Return the first accepted instant of each existing project of a batch, of its rejected rows too.

        Raises
        ------
        NotFound
            If the batch has valid rows, and none of their projects exists.
        """
        project_ids: set[str] = {row.project_id for row in batch.rows}
        rejected_ids = (error.project_id for error in batch.errors if error.project_id)
        first_us = await self.find_first_us(project_ids.union(rejected_ids), authorise)
        if project_ids and first_us.keys().isdisjoint(project_ids):
            raise await self.unknown_project(min(project_ids))
        return first_us

    async def find_first_us(self, project_ids: Iterable[str], authorise: Authorise) -> dict[str, int]:
        """Return the first accepted instant of each project that the caller may use; unknown projects are left out."""
        project_ids = tuple(project_ids)
        for project_id in project_ids:
            authorise(project_id)
        return await self._accepted_instants.find_first_us(project_ids)

    @property
    def silent_s(self) -> float | None:
        """Seconds for which projects could not be looked up, and last known ones are used; None if they can."""
        return self._accepted_instants.silent_s

    async def unknown_project(self, project_id: str) -> NotFound:
        """Make the problem for a project that does not exist."""
        return await asyncio.to_thread(unknown_project, self._projects, project_id)

    @property
    def too_early(self) -> str:
        """Reason to refuse an instant before the first accepted one."""
        return self._accepted_instants.too_early

    def _errors(
        self, batch: Batch[Event], ts_us: Sequence[int], first_us: Mapping[str, int], received_us: int
    ) -> list[RowError]:
        """Return the errors of events that fulfil the contract, but have an invalid project, model or instant."""
        end_us = received_us + self._settings.ingest.future_skew_s * SECOND_US
        models = {model_id for model_id in {event.model_id for event in batch.rows} if is_id(model_id)}
        suspects = [
            (event, t, index)
            for event, t, index in zip(batch.rows, ts_us, batch.indices, strict=True)
            if not (first_us.get(event.project_id, _NEVER_US) <= t <= end_us and event.model_id in models)
        ]
        checked = (self._error(event, t, index, first_us, received_us) for event, t, index in suspects)
        return [error for error in checked if error is not None]

    def _error(
        self, event: Event, t: int, index: int, first_us: Mapping[str, int], received_us: int
    ) -> RowError | None:
        project_id, skew_s = event.project_id, self._settings.ingest.future_skew_s
        if not is_id(event.model_id):
            return RowError(index, "model_id", ID_RULE, project_id)
        if project_id not in first_us:
            field, reason = "project_id", f"names no project: make {project_id!r} with POST /api/v1/projects"
        elif t < first_us[project_id]:
            field, reason = "timestamp", self.too_early
        elif t > received_us + skew_s * SECOND_US:
            field, reason = "timestamp", f"is more than {skew_s} s in the future: check the sender's clock"
        else:
            return None
        return RowError(index, field, reason, project_id, event.model_id)

    def _count_commit(self, commit: Commit) -> None:
        metrics.count_commit(commit, self.queue_depth)
        label_metrics.count_commit(commit)


def _rows(events: Sequence[Event], ts_us: Sequence[int], received_us: int, request_id: str) -> list[EventRow]:
    missing = sum(event.event_id is None for event in events)
    new_ids = iter(new_event_ids(missing) if missing else ())
    return [
        _row(event, t, received_us, event.event_id or next(new_ids), request_id)
        for event, t in zip(events, ts_us, strict=True)
    ]


def _row(event: Event, t: int, received_us: int, event_id: str, request_id: str) -> EventRow:
    return EventRow(
        event.project_id,
        event_id,
        event.model_id,
        t,
        received_us,
        event.endpoint,
        event.latency_ms,
        _json(event.y_pred).decode(),
        event.y_proba,
        _json(event.features).decode(),
        event.request_id or request_id,
        event.model_version,
        event.segment,
    )


def _queue_full() -> Unavailable:
    return Unavailable("Too many events wait for their commit: nothing of this request was stored, send it again.")
