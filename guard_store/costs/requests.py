"""How often AWS may be asked in a day: each request to Cost Explorer costs 0.01 US dollars.

Counted in the database, so that servers and pipelines share one bound.
"""

from datetime import UTC, datetime

from sqlalchemy import update

from guard_store.costs.tables import aws_cost_requests
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert


class RequestBudget:
    """Requests of a UTC day; every attempt counts.

    Parameters
    ----------
    most : of a day.
    """

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self.most = most

    def take(self) -> bool:
        """Count a request that is about to be made; False where none is left today."""
        return self._add(1, at_most=self.most - 1)

    def note(self, attempts: int) -> None:
        """Count attempts that a request took beyond its first."""
        if attempts:
            self._add(attempts, at_most=None)

    def _add(self, requests: int, *, at_most: int | None) -> bool:
        today = datetime.now(UTC).date().isoformat()
        counted = aws_cost_requests.c.requests
        more = update(aws_cost_requests).where(aws_cost_requests.c.day == today).values(requests=counted + requests)
        if at_most is not None:
            more = more.where(counted <= at_most)
        with self._database.write() as connection:
            first = dialect_insert(connection, aws_cost_requests).values(day=today, requests=0)
            connection.execute(first.on_conflict_do_nothing())
            return connection.execute(more).rowcount == 1
