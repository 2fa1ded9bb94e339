"""The accepted instants of each project, cached for some seconds.

The cache may be stale: the store reads the time zone again in the transaction that uses it.
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


class AcceptedInstants:
    """Looks up the first accepted instant of each project."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        # Days past retention accept no new events, because their stored events may have been deleted.
        self._retention_days = settings.retention.event_days
        self._first_us: TtlCache[str, int] = TtlCache(settings.server.key_cache_s)
        self._lookup_lock = asyncio.Lock()

    @property
    def too_early(self) -> str:
        """Reason to refuse an instant before the first accepted one; continues a sentence that begins with its field."""
        reason = f"is before {self._settings.ingest.first_day}, the first accepted day"
        if self._retention_days is None:
            return reason
        return f"{reason}, or older than the {self._retention_days} days that events are kept"

    async def find_first_us(self, project_ids: Collection[str]) -> dict[str, int]:
        """Return the first accepted instant of each project; projects that do not exist are left out."""
        now = time.monotonic()
        first_us: dict[str, int] = {}
        expired = []
        for project_id in project_ids:
            entry = self._first_us.entry(project_id)
            if entry is not None:
                expires_at, first_us[project_id] = entry
                if expires_at >= now:
                    continue
                # This request refreshes the value; all others use the expired one meanwhile.
                self._first_us.put(project_id, first_us[project_id], expires_at=now + self._first_us.ttl_s)
            expired.append(project_id)
        if expired:
            first_us |= await self._refresh(expired, now)
        return first_us

    async def _refresh(self, project_ids: Collection[str], started_at: float) -> dict[str, int]:
        # One at a time: the first requests of a project, possibly hundreds at once, share one look-up.
        async with self._lookup_lock:
            newest = started_at + self._first_us.ttl_s  # values looked up since then expire later
            entries = {project_id: self._first_us.entry(project_id) for project_id in project_ids}
            fresh = {p: entry[1] for p, entry in entries.items() if entry is not None and entry[0] > newest}
            missing = [p for p in project_ids if p not in fresh]
            return fresh | (await asyncio.to_thread(self._look_up, missing) if missing else {})

    def _look_up(self, project_ids: Collection[str]) -> dict[str, int]:
        zones = project_zones(self._database, project_ids)
        oldest_us = 0 if self._retention_days is None else now_us() - self._retention_days * DAY_US
        first_us = {
            project_id: max(oldest_us, local_days(zone).bounds_us(self._settings.ingest.first_day)[0])
            for project_id, zone in zones.items()
        }
        for project_id, first in first_us.items():
            self._first_us.put(project_id, first)
        return first_us
