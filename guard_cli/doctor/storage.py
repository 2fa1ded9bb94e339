"""Checks of what is stored: home folder, database, lake, MLflow's store. Nothing is created that was not there."""

import os
import shutil
import uuid
from pathlib import Path

from guard_cli.doctor.check import Outcome, ok, problem, unused
from guard_core.formats import size
from guard_core.settings import Settings

_MISSING = "not there yet: the first start creates it"


def check_home(settings: Settings) -> Outcome:
    """Check that the home folder, or the folder that it will be created in, can be written to, and has free disk."""
    from serving.health.status.disk import LOW_BYTES

    home = settings.storage.home.resolve()
    folder = next(path for path in (home, *home.parents) if path.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return problem(f"{folder} is no folder that can be written to", "set ML_GUARD_HOME to one, or change its owner")
    free = shutil.disk_usage(folder).free
    if free < LOW_BYTES:
        return problem(f"{size(free)} are free on the disk of {home}", "free some space, or move ML_GUARD_HOME")
    return ok(f"{home}, {size(free)} free" if folder == home else f"{home}, {_MISSING}")


def check_database(settings: Settings) -> Outcome:
    """Check that the database answers and has the newest schema."""
    from guard_store.db.database import Database
    from serving.health.database import database_problems

    url = settings.storage.database
    if url.startswith("sqlite") and not Path(url.partition(":///")[2]).exists():
        return unused(_MISSING)
    database = Database(url)
    try:
        problems = database_problems(database)
        kind = "SQLite" if database.is_sqlite else f"PostgreSQL at {database.url.host}"
    finally:
        database.close()
    if "database" in problems:
        return problem(problems["database"], "start the database, or correct ML_GUARD_DATABASE_URL")
    if problems:
        return problem("the schema is not the one of this version", "run `ml-guard migrate`")
    return ok(f"{kind}, newest schema")


def check_lake(settings: Settings) -> Outcome:
    """Write a file to the lake, read it and delete it."""
    from guard_store.lake.files import filesystem_of

    root = settings.storage.lake
    if "://" not in root and not Path(root).exists():
        return unused(_MISSING)
    content = uuid.uuid4().hex.encode()
    try:
        filesystem, folder = filesystem_of(root, {})
        path = f"{folder.rstrip('/')}/doctor-{content.decode()}"
        with filesystem.open_output_stream(path) as output:
            output.write(content)
        with filesystem.open_input_stream(path) as source:
            is_same = source.read() == content
        filesystem.delete_file(path)
    except (OSError, ValueError) as error:
        return problem(
            f"{_place(root)} cannot be read and written ({type(error).__name__})",
            "correct ML_GUARD_LAKE_URL, the owner of the folder, or the credentials of the object store",
        )
    if not is_same:
        return problem(f"{_place(root)} returns other bytes than were written", "check the disk or the object store")
    return ok(f"{_place(root)}, can be read and written")


def check_mlflow(settings: Settings) -> Outcome:
    """Read the registered models of MLflow's store."""
    from guard_store.retraining.registry import Registry, RegistryUnavailableError

    uri = settings.storage.mlflow
    is_local = uri.startswith("sqlite")
    if is_local and not Path(uri.partition(":///")[2]).exists():
        return unused(_MISSING)
    try:
        models = Registry(uri).all_aliases()
    except RegistryUnavailableError as error:
        cause = type(error.__cause__ or error).__name__
        return problem(f"{_place(uri)} does not answer ({cause})", "start MLflow, or correct ML_GUARD_MLFLOW_URL")
    return ok(f"{'SQLite' if is_local else _place(uri)}, registered models: {len(models)}")


def _place(url: str) -> str:
    """Return a URL without user and password."""
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
