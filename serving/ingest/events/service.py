"""From checked events to durable rows: which projects take them, what is counted, what the sender is told.

HTTP is `endpoints`; storing is `guard_store.writer`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from guard_core.days import microseconds, now_us
from guard_core.ids import is_id, new_event_ids
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_store.db.database import Database
from guard_store.ingest.rows import EventRow, RowsOutcome, Sender, StoreEvents, StoreLabels
from guard_store.steps import writer_steps
from guard_store.writer.work import QueueFullError, RowsRefusedError, StoreUnavailableError
from guard_store.writer.writer import Commit, GroupWriter
from serving.http.problems import NotFound, Unavailable, Unprocessable
from serving.ingest.events import metrics
from serving.ingest.events.schemas import Event, EventSchema
from serving.ingest.formats import Batch
from serving.ingest.labels import metrics as label_metrics
from serving.ingest.row_schema import RowError
from serving.ingest.windows import ProjectWindows

_NEVER_US = 2**63

_json = msgspec.json.Encoder().encode

Authorise = Callable[[str], None]
"""Raises where the caller may not send events of this project."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a request; `rows` were given to the store and are the events at `places`."""

    rows: Sequence[EventRow]
    places: Sequence[int]
    outcome: RowsOutcome
    errors: Sequence[RowError]
    made_ids: bool


class EventService:
    """Takes events of all projects."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.schema = EventSchema(settings)
        self._settings = settings
        self._windows = ProjectWindows(settings, database)
        self._writer = GroupWriter(
            database,
            writer_steps(close_delay_s=settings.pipelines.close_delay_s),
            queue_rows=settings.ingest.queue_rows,
            on_commit=self._committed,
        )

    async def start(self) -> None:
        """Start storing."""
        self._writer.start()

    async def stop(self) -> None:
        """Store what waits, then stop."""
        await asyncio.to_thread(self._writer.stop)

    @property
    def writer(self) -> GroupWriter:
        """Stores rows; for what records events of its own."""
        return self._writer

    @property
    def max_body_bytes(self) -> int:
        """Bytes of a body at most, decompressed."""
        return self._settings.server.max_body_bytes

    @property
    def queue_depth(self) -> int:
        """Rows that wait for their commit."""
        return self._writer.queue_depth

    def new_batch(self) -> Batch[Event]:
        """An empty batch with the limits of the settings."""
        return Batch(self.schema, self._settings.ingest.max_batch_rows)

    def require_room(self) -> None:
        """Turn a request away before its body is read, where its rows would find no place anyway.

        Raises
        ------
        Unavailable
            Where the queue is full.
        """
        if self.queue_depth >= self._settings.ingest.queue_rows:
            raise _busy()

    async def take_one(
        self, checked: Event | RowError, authorise: Authorise, request_id: str, sender: Sender
    ) -> tuple[str, bool]:
        """Store one event; returns its id, and whether it was there before, once it is durable.

        Raises
        ------
        NotFound, Unprocessable, Unavailable
            Where its project does not exist, it breaks the contract, or it could not be stored now.
        """
        received_us = now_us()
        project_ids = () if checked.project_id is None else (checked.project_id,)
        first_us = await self.first_us(project_ids, authorise)
        if isinstance(checked, RowError):
            raise await self._rejection(checked, first_us, received_us, request_id)
        if not first_us:
            raise no_project(checked.project_id)
        t = microseconds(checked.timestamp)
        error = self._error(checked, t, 0, first_us, received_us)
        if error is not None:
            raise await self._rejection(error, first_us, received_us, request_id)
        row = _row(checked, t, received_us, checked.event_id or new_event_ids(1)[0], request_id)
        work = StoreEvents((row,), received_us, request_id, sender=sender)
        await self.store(work)
        return row.event_id, bool(work.outcome.duplicates)

    async def take(
        self, batch: Batch[Event], authorise: Authorise, request_id: str, sender: Sender, *, atomic: bool
    ) -> Receipt:
        """Store the good rows of a batch, or none where it is `atomic` and a row is bad; returns once it is durable.

        Raises
        ------
        NotFound
            Where none of its projects exists.
        Unavailable
            Where it could not be stored now; sending it again is safe.
        """
        received_us = now_us()
        named = {event.project_id for event in batch.rows}
        first_us = await self.first_us(named.union(e.project_id for e in batch.errors if e.project_id), authorise)
        if named and first_us.keys().isdisjoint(named):
            raise no_project(min(named))
        ts_us = [microseconds(event.timestamp) for event in batch.rows]
        errors = [*batch.errors, *self._errors(batch, ts_us, first_us, received_us)]
        rejected = Counter(
            (e.project_id, e.model_id, self.schema.counted_field(e)) for e in errors if e.project_id in first_us
        )
        events, places = batch.rows, batch.places
        if len(errors) > len(batch.errors) or (atomic and errors):
            bad = {error.index for error in errors}
            good = [i for i, place in enumerate(places) if place not in bad]
            if atomic:
                rejected.update((events[i].project_id, events[i].model_id, "batch") for i in good)
                good = []
            events, places, ts_us = [events[i] for i in good], [places[i] for i in good], [ts_us[i] for i in good]
        rows = _rows(events, ts_us, received_us, request_id)
        work = StoreEvents(rows, received_us, request_id, rejected, sender=sender if rows else None)
        await self.store(work)
        metrics.rejected(batch.n if atomic and errors else len(errors))
        made_ids = any(event.event_id is None for event in events)
        return Receipt(rows, places, work.outcome, sorted(errors, key=lambda error: error.index), made_ids)

    async def _rejection(
        self, error: RowError, first_us: Mapping[str, int], received_us: int, request_id: str
    ) -> Unprocessable:
        if error.project_id is not None and error.project_id in first_us:
            key = (error.project_id, error.model_id, self.schema.counted_field(error))
            await self.store(StoreEvents((), received_us, request_id, {key: 1}))
        metrics.rejected(1)
        return Unprocessable(f"{error.field} {error.reason}.", errors=[{"field": error.field, "reason": error.reason}])

    async def store(self, work: StoreEvents | StoreLabels) -> None:
        """Store rows; returns once they are durable, with their outcome in the work.

        Raises
        ------
        Unavailable, Unprocessable
            If they could not be stored now, or never can be.
        """
        if not (work.rows or work.rejected):
            return
        try:
            await self._writer.submit(work)
        except QueueFullError:
            metrics.turned_away(work.weight)
            raise _busy() from None
        except StoreUnavailableError as error:
            raise Unavailable(f"Nothing of this request was acknowledged: {error}. Send it again.") from error
        except RowsRefusedError as error:
            raise Unprocessable(f"The rows cannot be stored: {error}.") from error

    async def first_us(self, project_ids: Iterable[str], authorise: Authorise) -> dict[str, int]:
        """First instant that each of these projects takes; those that do not exist are left out."""
        project_ids = tuple(project_ids)
        for project_id in project_ids:
            authorise(project_id)
        return await self._windows.first_us(project_ids)

    def _errors(
        self, batch: Batch[Event], ts_us: Sequence[int], first_us: Mapping[str, int], received_us: int
    ) -> list[RowError]:
        """What only the project, the clock or the whole batch shows to be wrong."""
        end_us = received_us + self._settings.ingest.future_skew_s * SECOND_US
        models = {model_id for model_id in {event.model_id for event in batch.rows} if is_id(model_id)}
        suspects = [
            (event, t, place)
            for event, t, place in zip(batch.rows, ts_us, batch.places, strict=True)
            if not (first_us.get(event.project_id, _NEVER_US) <= t <= end_us and event.model_id in models)
        ]
        checked = (self._error(event, t, place, first_us, received_us) for event, t, place in suspects)
        return [error for error in checked if error is not None]

    def _error(
        self, event: Event, t: int, place: int, first_us: Mapping[str, int], received_us: int
    ) -> RowError | None:
        project_id, skew_s = event.project_id, self._settings.ingest.future_skew_s
        if not is_id(event.model_id):
            reason = "must begin with a letter or digit and go on with letters, digits, '.', '_' or '-'"
            return RowError(place, "model_id", reason, project_id)
        if project_id not in first_us:
            field, reason = "project_id", f"names no project: make {project_id!r} with POST /api/v1/projects"
        elif t < first_us[project_id]:
            field, reason = "timestamp", f"is before {self._settings.ingest.first_day}, the first day that is taken"
            if self._settings.retention.event_days is not None:
                reason += f", or older than the {self._settings.retention.event_days} days that events are kept"
        elif t > received_us + skew_s * SECOND_US:
            field, reason = "timestamp", f"is more than {skew_s} s in the future: check the sender's clock"
        else:
            return None
        return RowError(place, field, reason, project_id, event.model_id)

    def _committed(self, commit: Commit) -> None:
        metrics.committed(commit, self.queue_depth)
        label_metrics.committed(commit)


def _rows(events: Sequence[Event], ts_us: Sequence[int], received_us: int, request_id: str) -> list[EventRow]:
    missing = sum(event.event_id is None for event in events)
    made = iter(new_event_ids(missing) if missing else ())
    return [
        _row(event, t, received_us, event.event_id or next(made), request_id)
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


def _busy() -> Unavailable:
    return Unavailable("Too many events wait for their commit: nothing of this request was stored, send it again.")


def no_project(project_id: str) -> NotFound:
    """The answer where a project does not exist."""
    return NotFound(f"There is no project {project_id!r}: make it with POST /api/v1/projects.")
