"""The newest tick of each sensor that looks for due days, by which a silent daemon is noticed.

Ticks are recorded by the sensors; when a sensor counts as silent is `serving.health.silence`.
"""

from typing import Final

from sqlalchemy import select

from guard_store.day_state.tables import sensor_ticks
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert

UNPROCESSED_DAYS: Final = "unprocessed_days"
"""The sensor that requests runs of closed days with unprocessed rows."""


class TickStore:
    """Records and reads ticks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, sensor: str, ticked_us: int) -> None:
        """Record a tick as the sensor's newest."""
        with self._database.write() as connection:
            insert = dialect_insert(connection, sensor_ticks).values(sensor=sensor, ticked_us=ticked_us)
            connection.execute(insert.on_conflict_do_update(index_elements=["sensor"], set_={"ticked_us": ticked_us}))

    def newest(self, sensor: str) -> int | None:
        """Return the instant of the newest tick; None if the sensor has never run."""
        statement = select(sensor_ticks.c.ticked_us).where(sensor_ticks.c.sensor == sensor)
        with self._database.read() as connection:
            return connection.scalar(statement)

    def all_newest(self) -> dict[str, int]:
        """Return the instant of the newest tick of every sensor that has run."""
        statement = select(sensor_ticks.c.sensor, sensor_ticks.c.ticked_us).order_by(sensor_ticks.c.sensor)
        with self._database.read() as connection:
            return {row.sensor: row.ticked_us for row in connection.execute(statement)}
