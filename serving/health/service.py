"""What must work before this process takes requests."""

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from guard_store.db.migrate import is_current
from serving.services import Services


def failing_parts(services: Services) -> dict[str, str]:
    """Reason by part that fails; empty when ready. Reasons never repeat the database's address."""
    failing: dict[str, str] = {}
    try:
        with services.database.read() as connection:
            connection.execute(text("SELECT 1"))
        if not is_current(services.database):
            failing["migrations"] = "the schema is not the one of this version; run `ml-guard migrate`"
    except SQLAlchemyError as error:
        failing["database"] = f"does not answer ({type(error).__name__})"
    if services.events.queue_depth >= services.settings.ingest.queue_rows:
        failing["queue"] = f"is full with {services.events.queue_depth} rows that wait for their commit"
    return failing
