"""The daily limit of requests to AWS Cost Explorer, each of which costs 0.01 US dollars.

Requests are counted in the database, so that servers and pipelines share the limit.
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
    limit : maximum requests per day.
    """

    def __init__(self, database: Database, limit: int) -> None:
        self._database = database
        self.limit = limit

    def take(self) -> bool:
        """Count a request that is about to be made; return False if none is left today."""
        return self._add(1, at_most=self.limit - 1)

    def count_retries(self, attempts: int) -> None:
        """Count attempts of a request after its first."""
        if attempts:
            self._add(attempts, at_most=None)

    def _add(self, requests: int, *, at_most: int | None) -> bool:
        today = datetime.now(UTC).date().isoformat()
        count = aws_cost_requests.c.requests
        addition = update(aws_cost_requests).where(aws_cost_requests.c.day == today).values(requests=count + requests)
        if at_most is not None:
            addition = addition.where(count <= at_most)
        with self._database.write() as connection:
            first = dialect_insert(connection, aws_cost_requests).values(day=today, requests=0)
            connection.execute(first.on_conflict_do_nothing())
            return connection.execute(addition).rowcount == 1
