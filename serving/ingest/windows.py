"""Which projects there are and which instants each takes, remembered for some seconds.

What is remembered may be old: the store looks at the time zone again in the transaction that uses it.
"""

import asyncio
import time
from collections.abc import Collection

from guard_core.days import local_days, now_us
from guard_core.settings import Settings
from guard_core.ttl_cache import TtlCache
from guard_core.units import DAY_US
from guard_store.db.database import Database
from guard_store.projects.store import project_zones


class ProjectWindows:
    """The first instant of each project."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._kept_days = settings.retention.event_days  # an older day may have lost its events: it takes no new ones
        self._first_us: TtlCache[str, int] = TtlCache(settings.server.key_cache_s)
        self._looking_up = asyncio.Lock()

    async def first_us(self, project_ids: Collection[str]) -> dict[str, int]:
        """First instant that each of these projects takes; those that do not exist are left out."""
        now = time.monotonic()
        found: dict[str, int] = {}
        to_look_up = []
        for project_id in project_ids:
            entry = self._first_us.entry(project_id)
            if entry is not None:
                expires_at, found[project_id] = entry
                if expires_at >= now:
                    continue
                # One request asks again, all others go on with the value that has expired.
                self._first_us.put(project_id, found[project_id], expires_at=now + self._first_us.ttl_s)
            to_look_up.append(project_id)
        if to_look_up:
            found |= await self._looked_up(to_look_up, now)
        return found

    async def _looked_up(self, project_ids: Collection[str], asked: float) -> dict[str, int]:
        # One at a time: the first requests of a project, hundreds at once, share one look-up.
        async with self._looking_up:
            newest = asked + self._first_us.ttl_s  # what was looked up since expires later
            entries = {project_id: self._first_us.entry(project_id) for project_id in project_ids}
            fresh = {p: entry[1] for p, entry in entries.items() if entry is not None and entry[0] > newest}
            missing = [p for p in project_ids if p not in fresh]
            return fresh | (await asyncio.to_thread(self._look_up, missing) if missing else {})

    def _look_up(self, project_ids: Collection[str]) -> dict[str, int]:
        zones = project_zones(self._database, project_ids)
        kept_us = 0 if self._kept_days is None else now_us() - self._kept_days * DAY_US
        first_us = {
            project_id: max(kept_us, local_days(zone).bounds_us(self._settings.ingest.first_day)[0])
            for project_id, zone in zones.items()
        }
        for project_id, first in first_us.items():
            self._first_us.put(project_id, first)
        return first_us
