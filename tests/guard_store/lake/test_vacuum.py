"""Upkeep of the lake: what nothing can ask for any more goes, and what a training has read stays."""

import os
import time
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from guard_core.settings import Settings
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.lake.store import Lake
from guard_store.lake.vacuum import vacuum_lake
from guard_store.projects.store import ProjectStore
from guard_store.retraining.decisions import Actor
from guard_store.retraining.flags import FlagStore
from guard_store.retraining.training_runs import TrainingRunStore
from tests.support.settings import settings_of, with_values
from tests.support.stored_events import event, store

DAYS = [f"2013-01-0{day}" for day in (1, 2, 3)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Nothing here depends on the engine of the database."""
    return settings_of(home=tmp_path / "home")


@pytest.fixture
def database(settings: Settings) -> Database:
    database = Database(settings.storage.database)
    migrate(database)
    ProjectStore(database).create("p", "P", "UTC")
    store(database, [event("p", "m", f"{day}T12:00:00Z", {"x": 1}) for day in DAYS])
    return database


@pytest.fixture
def lake(settings: Settings) -> Lake:
    """Three days, each replaced ten times."""
    lake = Lake(settings.storage.lake)
    for value in range(10):
        for day in DAYS:
            write(lake, day, value)
    return lake


def write(lake: Lake, day: str, value: float) -> int:
    days = pa.array([date.fromisoformat(day)] * 5, pa.date32())
    return lake.replace_day("p", "m", day, pa.table({"day": days, "feature_x": pa.array([float(value)] * 5)}))


def values(lake: Lake, version: int) -> dict[str, float]:
    snapshot = lake.snapshot("p", "m", version)
    assert snapshot is not None
    read = {day: pq.read_table(snapshot.files(day)[0], partitioning=None) for day in snapshot.days}
    return {day: table["feature_x"][0].as_py() for day, table in read.items()}


def files(settings: Settings) -> list[Path]:
    return sorted(Path(settings.storage.lake).glob("p/m/day=*/*.parquet"))


def read_by_a_training(database: Database, version: int) -> None:
    flag = FlagStore(database).force("p", "m", DAYS[-1], as_of_us=0, reason="why", actor=Actor("k", "admin", None))
    assert flag is not None
    TrainingRunStore(database).prepare(flag, {"lake_version": version}, "run")


def test_replaced_days_leave_a_file_each_that_goes_and_a_day_is_one_file(
    database: Database, lake: Lake, settings: Settings
) -> None:
    snapshot = lake.snapshot("p", "m")
    assert snapshot is not None
    assert [len(snapshot.files(day)) for day in snapshot.days] == [1, 1, 1]
    assert len(files(settings)) == 30
    done = vacuum_lake(database, lake, settings, keep_files_h=0)
    assert (done.tables, done.files, done.deleted_files, done.failed) == (1, 30, 27, {})
    assert len(files(settings)) == 3
    assert done.size_bytes - done.deleted_bytes == sum(file.stat().st_size for file in files(settings))
    newest = lake.snapshot("p", "m")
    assert newest is not None
    assert values(lake, newest.version) == dict.fromkeys(DAYS, 9.0)
    again = vacuum_lake(database, lake, settings, keep_files_h=0)
    assert again.deleted_files == 0
    assert lake.snapshot("p", "m").version == newest.version  # type: ignore[union-attr]


def test_versions_that_trainings_have_read_can_be_read_back(database: Database, lake: Lake, settings: Settings) -> None:
    read_by_a_training(database, 15)
    before = values(lake, 15)
    done = vacuum_lake(database, lake, settings, keep_files_h=0)
    assert done.kept_versions == 1
    assert values(lake, 15) == before == {DAYS[0]: 4.0, DAYS[1]: 4.0, DAYS[2]: 4.0}
    assert len(files(settings)) == 6
    with pytest.raises(FileNotFoundError):
        values(lake, 14)

    kept_a_while = with_values(settings, retention_lake_days=30)
    assert vacuum_lake(database, lake, kept_a_while, keep_files_h=0).kept_versions == 0
    assert len(files(settings)) == 3, "days that are to be forgotten are forgotten by trainings too"


def test_a_version_that_the_log_does_not_go_back_to_holds_up_nothing(
    database: Database, lake: Lake, settings: Settings
) -> None:
    read_by_a_training(database, 15)
    for version in range(15):
        (Path(settings.storage.lake) / f"p/m/_delta_log/{version:020}.json").unlink()
    done = vacuum_lake(database, lake, settings, keep_files_h=0)
    assert (done.kept_versions, done.deleted_files, done.failed) == (0, 27, {})


def test_what_a_killed_run_has_left_goes_after_a_week_and_what_is_being_written_stays(
    database: Database, lake: Lake, settings: Settings
) -> None:
    folder = Path(settings.storage.lake) / f"p/m/day={DAYS[0]}"
    for name, days in (("left", 8), ("being-written", 1)):
        (folder / f"{name}.parquet").write_bytes(b"half")
        os.utime(folder / f"{name}.parquet", (time.time() - days * 86_400,) * 2)
    for file in files(settings):
        if file.name.startswith("part"):  # written long ago, replaced just now
            os.utime(file, (time.time() - 30 * 86_400,) * 2)
    done = vacuum_lake(database, lake, settings)
    assert (done.deleted_files, done.deleted_bytes) == (1, 4)
    assert (folder / "being-written.parquet").exists()
    assert not (folder / "left.parquet").exists()


def test_a_table_that_cannot_be_tidied_holds_up_no_other(database: Database, lake: Lake, settings: Settings) -> None:
    store(database, [event("p", "broken", f"{DAYS[0]}T12:00:00Z", {"x": 1})])
    one = pa.table({"day": pa.array([date(2013, 1, 1)], pa.date32()), "feature_x": pa.array([1.0])})
    lake.replace_day("p", "broken", DAYS[0], one)
    (log,) = Path(settings.storage.lake).glob("p/broken/_delta_log/*0.json")
    log.write_text("not a log")
    done = vacuum_lake(database, lake, settings, keep_files_h=0)
    assert list(done.failed) == ["p/broken"]
    assert done.deleted_files == 27
