"""A real Dagster instance in a temporary home, real ticks of the sensor, and the runs that they ask for."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from guard_core.settings import load_settings
from guard_store.db.database import Database
from tests.support.paths import ROOT
from tests.support.pipelines import Pipelines


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that the settings of the environment point to."""
    home = tmp_path / "home"
    monkeypatch.setenv("ML_GUARD_HOME", str(home))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")  # restored after what the event log sets
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRY_DELAY_S", "0")
    return home


@pytest.fixture
def kept_instance(home: Path, tmp_path: Path) -> Iterator[DagsterInstance]:
    """A Dagster instance of the repository's own dagster.yaml."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with DagsterInstance.from_config(str(folder)) as instance:
        yield instance


@pytest.fixture
def instance(request: pytest.FixtureRequest, home: Path) -> Iterator[DagsterInstance]:
    """A Dagster instance in memory, which takes half the time; the kept one where a test asks for it too."""
    if "kept_instance" in request.fixturenames:
        yield request.getfixturevalue("kept_instance")
        return
    with DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def pipelines(instance: DagsterInstance, migrated_sqlite: Path) -> Iterator[Pipelines]:
    """The pipelines on SQLite."""
    settings = load_settings()
    database = Database(settings.storage.database)
    if database.is_sqlite:
        shutil.copyfile(migrated_sqlite, database.path)
    yield Pipelines(database, settings, instance)
    database.close()


@pytest.fixture
def on_postgresql(home: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for it before `pipelines`, and they run on PostgreSQL."""
    monkeypatch.setenv("ML_GUARD_DATABASE_URL", postgresql_url)
