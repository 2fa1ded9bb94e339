"""The readiness check: which parts fail so that requests cannot be served, and which are degraded."""

from guard_core.days import from_microseconds
from guard_core.settings import Settings
from guard_store.day_state.ticks import UNPROCESSED_DAYS, TickStore
from guard_store.db.database import Database
from serving.alerts.delivery import DeliveryService
from serving.assistant.knowledge.service import KnowledgeService
from serving.health.database import database_problems
from serving.health.schemas import KnowledgeReadiness, Readiness
from serving.health.silence import is_silent
from serving.http.problems import Unavailable
from serving.ingest.events.service import EventService
from serving.predict.service import PredictService


class HealthService:
    """Check the parts of a running server."""

    def __init__(
        self,
        database: Database,
        events: EventService,
        predict: PredictService,
        alerts: DeliveryService,
        knowledge: KnowledgeService,
        ticks: TickStore,
        settings: Settings,
    ) -> None:
        self._database = database
        self._events = events
        self._predict = predict
        self._alerts = alerts
        self._knowledge = knowledge
        self._ticks = ticks
        self._queue_rows = settings.ingest.queue_rows
        self._pipelines = settings.pipelines

    def readiness(self) -> Readiness:
        """Check all parts.

        Raises
        ------
        Unavailable
            If requests cannot be served; the error names the failing parts.
        """
        failing = self._failing_parts()
        if failing:
            raise Unavailable("; ".join(f"{part}: {reason}" for part, reason in failing.items()), failing=list(failing))
        degraded = self._predict.pool.problems() | self._alerts.problems() | self._pipeline_problems()
        state = self._knowledge.state()
        if state.problem is not None:
            degraded["knowledge"] = state.problem
        knowledge = KnowledgeReadiness(retrieval=state.retrieval, version=state.version)
        return Readiness(status="degraded" if degraded else "ok", knowledge=knowledge, degraded=degraded or None)

    def _pipeline_problems(self) -> dict[str, str]:
        """Return the problem of a silent sensor."""
        ticked_us = self._ticks.newest(UNPROCESSED_DAYS)
        if ticked_us is None or not is_silent(ticked_us, self._pipelines):
            return {}
        return {
            "pipelines": f"the sensor {UNPROCESSED_DAYS} has not run since {from_microseconds(ticked_us):%Y-%m-%dT%H:%M:%SZ}:"
            " no day is processed until Dagster's daemon runs, with the sensor switched on"
        }

    def _failing_parts(self) -> dict[str, str]:
        """Return the reason of each failing part."""
        failing = database_problems(self._database)
        if self._events.queue_depth >= self._queue_rows:
            failing["queue"] = f"is full with {self._events.queue_depth} rows that wait for their commit"
        return failing
