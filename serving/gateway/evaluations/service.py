"""Chooses the calls whose answers become events, and stores those in the background: no answer waits for it, or fails by it.

The event itself is `answers`.
"""

import asyncio
import hashlib
import logging

from sqlalchemy.exc import SQLAlchemyError

from guard_core.project_settings.evaluation import EvaluationSettings
from guard_core.project_settings.project import settings_of_project
from guard_core.project_settings.section import ProjectSettingsError
from guard_core.ttl_cache import TtlCache
from guard_store.projects.store import ProjectStore
from serving.gateway.evaluations import metrics
from serving.gateway.evaluations.answers import EvaluatedCall
from serving.http.problems import Problem
from serving.http.raw_request import encode_json
from serving.ingest.events.service import EventService, allow_any
from serving.ingest.formats import read_row

_log = logging.getLogger(__name__)
_HASHES = 2**64


class EvaluationService:
    """Evaluates the chosen share of each project's calls."""

    def __init__(self, projects: ProjectStore, events: EventService, *, cache_s: float) -> None:
        self._projects = projects
        self._events = events
        self._shares: TtlCache[str, float] = TtlCache(cache_s)
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def stop(self) -> None:
        """Wait until the events of settled calls are stored."""
        await asyncio.gather(*self._tasks.values())

    async def chooses(self, project_id: str | None, request_id: str) -> bool:
        """Return whether the answer to a request becomes an event."""
        if project_id is None:
            return False
        share = self._shares.get(project_id)
        if share is None:
            share = await self._look_up(project_id)
        return share > 0 and is_chosen(request_id, share)

    def store(self, call: EvaluatedCall) -> None:
        """Store the event of a settled call in the background."""
        key = call.project_id, call.request_id
        task = asyncio.create_task(self._store(call))
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._tasks.pop(key, None) if self._tasks.get(key) is done else None)

    async def wait_for(self, project_id: str, request_id: str) -> None:
        """Wait until the event of a request is stored, if this process is about to store it."""
        task = self._tasks.get((project_id, request_id))
        if task is not None:
            await asyncio.wait([task])

    async def _store(self, call: EvaluatedCall) -> None:
        try:
            event = read_row(encode_json(call.event()), self._events.schema)
            # The call's own entry of the ledger names it as evaluated: the event needs no sender.
            _, is_duplicate = await self._events.store_event(event, allow_any, call.request_id, sender=None)
        except Problem as problem:
            _log.warning("an evaluated answer was not stored: %s", problem.detail, extra={"for": call.request_id})
            metrics.count_evaluation("failed")
        except Exception:  # noqa: BLE001 - the call has ended well; nobody else would report this
            _log.exception("an evaluated answer was not stored", extra={"for": call.request_id})
            metrics.count_evaluation("failed")
        else:
            metrics.count_evaluation("duplicate" if is_duplicate else "stored")

    async def _look_up(self, project_id: str) -> float:
        try:
            project = await asyncio.to_thread(self._projects.get, project_id)
            share = 0.0 if project is None else settings_of_project(project.settings, EvaluationSettings).share
        except (SQLAlchemyError, ProjectSettingsError):
            _log.exception("the setting evaluation.share cannot be read; answers are not evaluated")
            metrics.count_evaluation("failed")
            return 0.0
        self._shares.put(project_id, share)
        return share


def is_chosen(request_id: str, share: float) -> bool:
    """Return whether a request belongs to a share of all, by the hash of its id: always the same, and so are larger shares.

    >>> is_chosen("a", 1.0), is_chosen("a", 0.0)
    (True, False)
    """
    digest = hashlib.blake2b(request_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest) < share * _HASHES
