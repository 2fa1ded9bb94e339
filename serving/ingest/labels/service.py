"""Labels after validation: checked against their projects, stored by the writer of the events, and counted.

HTTP is `endpoints`; joining labels to their events is `guard_store.ingest.labels`.
"""

from collections import Counter
from collections.abc import Mapping

import msgspec

from guard_core.days import microseconds, now_us
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_store.ingest.rows import LabelRow, Sender, StoreLabels, label_row
from serving.ingest.events.service import Authorise, EventService, Receipt
from serving.ingest.formats import Batch
from serving.ingest.labels import metrics
from serving.ingest.labels.schemas import Label, LabelSchema
from serving.ingest.row_schema import RowError

_json = msgspec.json.Encoder().encode


class LabelService:
    """Stores the labels of all projects."""

    def __init__(self, settings: Settings, events: EventService) -> None:
        self.schema = LabelSchema(settings)
        self._settings = settings
        self._events = events

    @property
    def max_body_bytes(self) -> int:
        """Most bytes of a body, decompressed."""
        return self._settings.server.max_body_bytes

    def new_batch(self) -> Batch[Label]:
        """Make an empty batch with the limits of the settings."""
        return Batch(self.schema, self._settings.ingest.max_batch_rows)

    def require_room(self) -> None:
        """Refuse a request before its body is read if the queue has no room; raises as for events."""
        self._events.require_room()

    async def store_batch(
        self, batch: Batch[Label], authorise: Authorise, request_id: str, sender: Sender, *, atomic: bool
    ) -> Receipt:
        """Store the valid labels of a batch, or none if it is `atomic` and has an error; return once they are durable.

        Raises
        ------
        NotFound
            If none of its projects exists.
        Unavailable
            If it could not be stored now; sending it again is safe.
        """
        received_us = now_us()
        projects = await self._events.find_batch_first_us(batch, authorise)
        checked = [
            self._row(label, index, projects, received_us, request_id)
            for label, index in zip(batch.rows, batch.indices, strict=True)
        ]
        rows = [row for row in checked if not isinstance(row, RowError)]
        errors = sorted([*batch.errors, *(e for e in checked if isinstance(e, RowError))], key=lambda e: e.index)
        rejected = Counter((e.project_id, "", self.schema.counted_field(e)) for e in errors if e.project_id in projects)
        if atomic and errors:
            rejected.update((row.project_id, "", "batch") for row in rows)
            rows = []
        work = StoreLabels(rows, received_us, request_id, rejected, sender=sender if rows else None)
        await self._events.store(work)
        metrics.count_rejections(batch.n if atomic and errors else len(errors))
        return Receipt((), (), work.outcome, errors, has_new_ids=False)

    def _row(
        self, label: Label, index: int, projects: Mapping[str, int], received_us: int, request_id: str
    ) -> LabelRow | RowError:
        observed_us = microseconds(label.observed_at)
        if label.project_id not in projects:
            reason = f"names no project: make {label.project_id!r} with POST /api/v1/projects"
            return RowError(index, "project_id", reason, label.project_id)
        if observed_us < projects[label.project_id]:
            return RowError(index, "observed_at", self._events.too_early, label.project_id)
        if observed_us > received_us + self._settings.ingest.future_skew_s * SECOND_US:
            reason = f"is more than {self._settings.ingest.future_skew_s} s in the future: check the sender's clock"
            return RowError(index, "observed_at", reason, label.project_id)
        return label_row(
            label.project_id,
            label.event_id,
            _json(label.y_true).decode(),
            observed_us=observed_us,
            received_us=received_us,
            request_id=request_id,
        )
