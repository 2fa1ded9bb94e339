"""The accepted instants of each project, cached for some seconds.

The cache may be stale: the store reads the time zone again in the transaction that uses it.
"""

from collections.abc import Collection

from guard_core.days import local_days, now_us
from guard_core.settings import Settings
from guard_core.units import DAY_US
from guard_store.db.database import Database
from guard_store.db.last_known import LastKnown
from guard_store.projects.store import project_zones


class AcceptedInstants:
    """Looks up the first accepted instant of each project."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        # Days past retention accept no new events, because their stored events may have been deleted.
        self._retention_days = settings.retention.event_days
        self._first_us = LastKnown(
            self._look_up,
            ttl_s=settings.server.key_cache_s,
            outage_s=settings.server.outage_s,
            what="projects",
        )

    @property
    def too_early(self) -> str:
        """Reason to refuse an instant before the first accepted one; continues a sentence that begins with its field."""
        reason = f"is before {self._settings.ingest.first_day}, the first accepted day"
        if self._retention_days is None:
            return reason
        return f"{reason}, or older than the {self._retention_days} days that events are kept"

    async def find_first_us(self, project_ids: Collection[str]) -> dict[str, int]:
        """Return the first accepted instant of each project; projects that do not exist are left out."""
        return await self._first_us.find(project_ids)

    @property
    def silent_s(self) -> float | None:
        """Seconds for which projects could not be looked up; None if they can."""
        return self._first_us.silent_s

    def _look_up(self, project_ids: Collection[str]) -> dict[str, int]:
        zones = project_zones(self._database, project_ids)
        oldest_us = 0 if self._retention_days is None else now_us() - self._retention_days * DAY_US
        return {
            project_id: max(oldest_us, local_days(zone).bounds_us(self._settings.ingest.first_day)[0])
            for project_id, zone in zones.items()
        }
