"""Whether an error means that the file of a SQLite database is damaged, and what then helps."""

from typing import Final

_CODES: Final = (11, 26)  # SQLITE_CORRUPT, SQLITE_NOTADB
_PRIMARY_CODE: Final = 0xFF  # of an extended result code

REMEDY: Final = (
    "stop what uses it, move it away with its -wal and -shm files, and put a backup in its place, or what"
    " `sqlite3 guard.db .recover` saves"
)


def is_damage(error: BaseException) -> bool:
    """Return whether SQLite, through SQLAlchemy or not, has found a damaged file, or one that is no database."""
    code: int = getattr(getattr(error, "orig", error), "sqlite_errorcode", 0)
    return code & _PRIMARY_CODE in _CODES
