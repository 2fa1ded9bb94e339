"""Service behind the status: each part is read by itself, so that one that cannot be read hides none of the others."""

import platform
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from guard_core.days import from_microseconds, now_us
from guard_core.settings import Settings
from guard_store.alerts.outbox import Outbox
from guard_store.alerts.store import AlertStore
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.day_state.ticks import UNPROCESSED_DAYS, TickStore
from guard_store.db.database import Database
from guard_store.db.migrate import current_revision
from serving.alerts.schemas import AlertView
from serving.assistant.knowledge.service import KnowledgeService
from serving.health.silence import is_silent
from serving.health.status.disk import Disk
from serving.health.status.findings import list_findings, make_headline
from serving.health.status.schemas import (
    Backlog,
    DiskStatus,
    FailedDay,
    KnowledgeStatus,
    ModelBacklogView,
    OutboxStatus,
    Queue,
    Sensor,
    Status,
    StatusParts,
    Versions,
)
from serving.ingest.events.service import EventService

_FAILURES: Final = ("pipeline_failure", "retrain_failed")
_MAX_ROWS: Final = 50

T = TypeVar("T")


class StatusService:
    """Reads the status of a running server and of what it shares with the pipelines.

    Parameters
    ----------
    version : of ML Guard.
    """

    def __init__(
        self,
        database: Database,
        events: EventService,
        knowledge: KnowledgeService,
        settings: Settings,
        *,
        version: str,
    ) -> None:
        self._database = database
        self._events = events
        self._knowledge = knowledge
        self._settings = settings
        self._version = version
        self._disk = Disk(settings.storage.home.resolve())
        self._started_us = now_us()

    def read(self, project_id: str | None) -> Status:
        """Return the status; backlog and failures of one project, or of all."""
        problems: dict[str, str] = {}

        def read_part(name: str, read: Callable[[], T]) -> T | None:
            try:
                return read()
            except (OSError, SQLAlchemyError) as error:  # whose texts may hold the database's password
                problems[name] = f"cannot be read ({type(error).__name__})"
                return None

        parts = StatusParts(
            started_at=from_microseconds(self._started_us),
            backlog=read_part("backlog", lambda: self._read_backlog(project_id)),
            sensors=read_part("sensors", self._read_sensors),
            failures=read_part("failures", lambda: self._read_failures(project_id)),
            queue=Queue(rows=self._events.queue_depth, limit=self._settings.ingest.queue_rows),
            outbox=read_part("outbox", self._read_outbox),
            knowledge=self._read_knowledge(),
            disk=read_part("disk", self._read_disk),
            versions=Versions(
                ml_guard=self._version,
                python=platform.python_version(),
                schema_revision=read_part("versions", lambda: current_revision(self._database)),
            ),
            problems=problems,
        )
        findings = list_findings(parts)
        is_healthy = not any(finding.needs_attention for finding in findings)
        return Status(**dict(parts), headline=make_headline(findings), is_healthy=is_healthy)

    def _read_backlog(self, project_id: str | None) -> Backlog:
        days = DayStateStore(self._database)
        models = [
            ModelBacklogView.model_validate(row, from_attributes=True)
            for row in days.backlog(self._settings, project_id)
        ]
        return Backlog(
            waiting_days=sum(model.waiting_days for model in models),
            failed_days=sum(model.failed_days for model in models),
            open_days=sum(model.open_days for model in models),
            models=models,
            failed=[self._failed_day(item) for item in days.failed(_MAX_ROWS, project_id)],
        )

    def _failed_day(self, item: DayState) -> FailedDay:
        return FailedDay(
            project_id=item.project_id,
            model_id=item.model_id,
            day=item.day,
            stage=item.next_stage or "",
            error=item.error,
            attempts=item.attempts,
            is_given_up=item.attempts > self._settings.pipelines.retries,
            failed_at=from_microseconds(item.changed_us),
        )

    def _read_sensors(self) -> list[Sensor]:
        newest: dict[str, int | None] = {UNPROCESSED_DAYS: None, **TickStore(self._database).all_newest()}
        return [
            Sensor(
                name=name,
                ticked_at=None if ticked_us is None else from_microseconds(ticked_us),
                is_silent=is_silent(ticked_us, self._settings.pipelines),
            )
            for name, ticked_us in newest.items()
        ]

    def _read_failures(self, project_id: str | None) -> list[AlertView]:
        alerts = AlertStore(self._database)
        return [
            AlertView.of(alert)
            for kind in _FAILURES
            for alert in alerts.page({"state": "open", "kind": kind, "project_id": project_id}, limit=_MAX_ROWS)
        ]

    def _read_outbox(self) -> OutboxStatus:
        depth = Outbox(self._database).depth()
        oldest_at = None if depth.oldest_us is None else from_microseconds(depth.oldest_us)
        return OutboxStatus(waiting=depth.waiting, dead=depth.dead, oldest_at=oldest_at)

    def _read_knowledge(self) -> KnowledgeStatus:
        state = self._knowledge.state()
        return KnowledgeStatus(
            retrieval=state.retrieval, version=state.version, chunks=state.chunks, problem=state.problem
        )

    def _read_disk(self) -> DiskStatus:
        usage = self._disk.measure()
        return DiskStatus(
            home=str(self._settings.storage.home.resolve()),
            names=list(usage.sizes),
            sizes=list(usage.sizes.values()),
            total=sum(usage.sizes.values()),
            free=usage.free,
        )
