"""The readiness check: which parts fail so that requests cannot be served, and which are degraded.

It answers within two seconds, whatever hangs: load balancers give up after few more.
"""

import asyncio
import shutil
import time
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from guard_core.days import from_microseconds
from guard_core.formats import count, size
from guard_core.settings import Settings
from guard_store.day_state.store import DayStateStore
from guard_store.day_state.ticks import UNPROCESSED_DAYS, TickStore
from guard_store.db.database import Database
from serving.alerts.delivery import DeliveryService
from serving.assistant.knowledge.service import KnowledgeService
from serving.health.database import database_problems
from serving.health.schemas import KnowledgeReadiness, Readiness
from serving.health.silence import is_silent
from serving.health.timed_call import TimedCall
from serving.http.problems import Unavailable
from serving.ingest.events.service import EventService
from serving.predict.service import PredictService

WAIT_S: Final = 1.5
"""Most seconds that a check waits for the database, and for the first poll of the registry."""
_FIRST_POLL_S: Final = 30.0  # afterwards a registry that hangs no longer keeps the server from all other requests
_FIRST_TICK_S: Final = 120.0  # after the start of this server, Dagster's daemon may still be starting
_POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class _Problems:
    """Reasons by part: those that keep requests from being served, and others."""

    failing: dict[str, str] = field(default_factory=dict)
    degraded: dict[str, str] = field(default_factory=dict)


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
        day_states: DayStateStore,
        settings: Settings,
    ) -> None:
        self._database = database
        self._events = events
        self._predict = predict
        self._alerts = alerts
        self._knowledge = knowledge
        self._ticks = ticks
        self._day_states = day_states
        self._settings = settings
        self._database_check = TimedCall(self._check_database, timeout_s=WAIT_S)
        self._started_at = time.monotonic()

    async def readiness(self) -> Readiness:
        """Check all parts.

        Raises
        ------
        Unavailable
            If requests cannot be served; the error names the failing parts.
        """
        database, registry = await asyncio.gather(self._database_problems(), self._first_poll_problems())
        failing = {**database.failing, **self._room_problems(), **registry.failing}
        if failing:
            raise Unavailable("; ".join(f"{part}: {reason}" for part, reason in failing.items()), failing=list(failing))
        degraded = {
            **registry.degraded,
            **self._predict.pool.problems(),
            **self._alerts.problems(),
            **database.degraded,
        }
        state = self._knowledge.state()
        if state.problem is not None:
            degraded["knowledge"] = state.problem
        knowledge = KnowledgeReadiness(retrieval=state.retrieval, version=state.version)
        return Readiness(status="degraded" if degraded else "ok", knowledge=knowledge, degraded=degraded or None)

    async def _database_problems(self) -> _Problems:
        try:
            return await self._database_check.run()
        except TimeoutError:
            return _Problems(failing={"database": f"does not answer within {WAIT_S:g} s"})

    def _check_database(self) -> _Problems:
        failing = database_problems(self._database)
        try:
            return _Problems(failing, {} if failing else self._pipeline_problems())
        except SQLAlchemyError as error:
            return _Problems({"database": f"does not answer ({type(error).__name__})"})

    async def _first_poll_problems(self) -> _Problems:
        """Wait until the champions are loaded, so that the first prediction after "ready" is as fast as the others."""
        pool = self._predict.pool
        deadline = time.monotonic() + WAIT_S
        # The poll ends in a thread; waiting for it in one would take one of those that hanging requests may have used up.
        while not pool.has_polled() and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        if pool.has_polled():
            return _Problems()
        if time.monotonic() < self._started_at + _FIRST_POLL_S:
            return _Problems(failing={"registry": "its champions are being loaded"})
        return _Problems(degraded={"registry": f"has not answered within {_FIRST_POLL_S:g} s of the start"})

    def _pipeline_problems(self) -> dict[str, str]:
        """Return the problem of a sensor that is silent, or has never run although days wait for it."""
        ticked_us = self._ticks.newest(UNPROCESSED_DAYS)
        if ticked_us is None:
            return self._waiting_problems()
        if not is_silent(ticked_us, self._settings.pipelines):
            return {}
        return {
            "pipelines": f"the sensor {UNPROCESSED_DAYS} has not run since {from_microseconds(ticked_us):%Y-%m-%dT%H:%M:%SZ}:"
            " no day is processed until Dagster's daemon runs, with the sensor switched on"
        }

    def _waiting_problems(self) -> dict[str, str]:
        """Return the problem of closed days that no pipeline has ever looked at; while everything starts, they may wait."""
        if time.monotonic() < self._started_at + _FIRST_TICK_S:
            return {}
        waiting = sum(model.waiting_days for model in self._day_states.backlog(self._settings))
        if not waiting:
            return {}
        days = f"{count(waiting, 'closed day')} {'waits' if waiting == 1 else 'wait'}"
        return {"pipelines": f"{days} for Dagster's daemon, which has never run on this database: start it"}

    def _room_problems(self) -> dict[str, str]:
        """Return the problems of a full queue and a full disk."""
        problems = {}
        if self._events.queue_depth >= self._settings.ingest.queue_rows:
            problems["queue"] = f"is full with {self._events.queue_depth} rows that wait for their commit"
        storage = self._settings.storage
        free = shutil.disk_usage(storage.home).free
        if free < storage.min_free_bytes:
            problems["disk"] = (
                f"{size(free)} are free for the home folder, less than ML_GUARD_MIN_FREE_BYTES"
                f" ({size(storage.min_free_bytes)}): free some space"
            )
        return problems
