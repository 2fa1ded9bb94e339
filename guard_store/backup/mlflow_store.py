"""MLflow's SQLite database: a consistent copy while it is in use, and the places of artifacts in a copy that has moved."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

_PLACES: Final = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database with SQLite's online backup; the copy has no write-ahead log."""
    with closing(sqlite3.connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)
        writer.execute("PRAGMA journal_mode = DELETE")


def move_artifacts(database: Path, old: str, new: str) -> None:
    """Let the rows that refer to files below the old folder refer to the new one."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in _PLACES:
            if any(row[1] == column for row in connection.execute(f"PRAGMA table_info({table})")):
                for scheme in ("", "file://"):
                    before, after = f"{scheme}{old}/", f"{scheme}{new}/"
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608 - constants
                        (after, len(before) + 1, len(before), before),
                    )
