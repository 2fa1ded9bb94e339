"""Whether the database answers and has the schema of this version."""

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from guard_store.db.damage import REMEDY, is_damage
from guard_store.db.database import Database
from guard_store.db.migrate import is_current


def database_problems(database: Database) -> dict[str, str]:
    """Return the reason of each failing part; no reason contains the address of the database, which may hold a password."""
    try:
        with database.read() as connection:
            connection.execute(text("SELECT 1"))
        if not is_current(database):
            return {"migrations": "the schema is not the one of this version; run `ml-guard migrate`"}
    except SQLAlchemyError as error:
        if is_damage(error):
            return {"database": f"its file is damaged: {REMEDY}"}
        return {"database": f"does not answer ({type(error).__name__})"}
    return {}
