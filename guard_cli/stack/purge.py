"""Deleting an installation's data: what it consists of, where it must lie, and its removal."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from guard_cli.terminal import CommandError
from guard_core.formats import count, size
from guard_core.settings import Settings

_ENTRIES: Final = (
    "guard.db",
    "lake",
    "mlflow.db",
    "mlflow",
    "journal",
    "models",
    "embedding",
    "dagster",
    "logs",
    "audit.key",
    "up.json",
    "demo.json",
    "alerts.txt",  # of the demo
    "metrics-*",
)
_SQLITE_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class HomeData:
    """The files and folders of the home folder that ML Guard has created, and what is in them.

    Attributes
    ----------
    left : names of entries that something else has created; they are not deleted.
    """

    home: Path
    paths: Sequence[Path]
    left: Sequence[str]
    projects: int
    events: int
    bytes: int

    def __str__(self) -> str:
        contents = f"{count(self.projects, 'project')}, {count(self.events, 'event')}, {size(self.bytes)}"
        left = f"; not created by ML Guard, and kept: {', '.join(self.left)}" if self.left else ""
        return f"{self.home}: {contents}{left}"


def find_data(settings: Settings) -> HomeData:
    """Return the data of the home folder.

    Raises
    ------
    CommandError
        If the folder is not a home of ML Guard, or some data lies elsewhere.
    """
    from guard_store.ledger.checkpoint_file import checkpoint_file

    home = settings.storage.home.resolve()
    _require_inside(settings, home)
    database = Path(settings.storage.database.partition(":///")[2])
    if not database.is_file():
        raise CommandError(f"{home}: there is no data of ML Guard, as {database.name} is missing; check ML_GUARD_HOME")
    if any(folder.resolve().is_relative_to(home) for folder in (Path.cwd(), Path.home())):
        raise CommandError(f"{home} contains the current folder or your own home: call this from another folder")
    checkpoints = checkpoint_file(settings)
    paths = [*([checkpoints] if checkpoints.is_file() else []), *_created_paths(home, database)]
    links = [path.name for path in paths if path.is_symlink()]
    if links:
        raise CommandError(f"{home}: {', '.join(links)} is a symbolic link to data elsewhere; remove it by hand")
    names = {path.name for path in paths}
    left = sorted(path.name for path in home.iterdir() if path.name not in names)
    return HomeData(home, paths, left, *_count_rows(settings), sum(_size_of(path) for path in paths))


def delete(data: HomeData) -> None:
    """Delete the data, the database last, and the home folder if it is empty then."""
    for path in data.paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if not any(data.home.iterdir()):
        data.home.rmdir()


def _require_inside(settings: Settings, home: Path) -> None:
    storage = settings.storage
    places = {
        "ML_GUARD_DATABASE_URL": storage.database,
        "ML_GUARD_LAKE_URL": storage.lake,
        "ML_GUARD_MLFLOW_URL": storage.mlflow,
    }
    outside = [setting for setting, place in places.items() if not _is_inside(place.removeprefix("sqlite:///"), home)]
    if outside:
        raise CommandError(
            f"{', '.join(outside)}: data lies outside {home}, and is not deleted by this command:"
            " delete it with the tools of its server, and unset the settings to delete the rest"
        )


def _is_inside(place: str, home: Path) -> bool:
    return "://" not in place and Path(place).resolve().is_relative_to(home)


def _created_paths(home: Path, database: Path) -> list[Path]:
    """Return the existing paths, those of the database last: a deletion that is interrupted can be repeated."""
    found = {path for pattern in _ENTRIES for path in home.glob(pattern)}
    found |= {path for suffix in _SQLITE_SUFFIXES for path in home.glob(f"mlflow.db{suffix}")}
    of_database = [Path(f"{database}{suffix}") for suffix in reversed(_SQLITE_SUFFIXES)]
    return [*sorted(found - set(of_database)), *(path for path in of_database if path.exists())]


def _count_rows(settings: Settings) -> tuple[int, int]:
    """Return the number of projects and of events."""
    from sqlalchemy import func, select

    from guard_store.db.database import Database
    from guard_store.ingest.tables import events
    from guard_store.projects.tables import projects

    database = Database(settings.storage.database)
    try:
        with database.read() as connection:
            rows = [connection.scalar(select(func.count()).select_from(table)) or 0 for table in (projects, events)]
    finally:
        database.close()
    return rows[0], rows[1]


def _size_of(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum((Path(folder) / name).lstat().st_size for folder, _, names in os.walk(path) for name in names)
