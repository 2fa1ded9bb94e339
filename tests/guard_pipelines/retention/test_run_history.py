"""Dagster's own history: old runs go with their files, partitions stay as they are."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from guard_core.settings import load_settings
from guard_pipelines.definitions import defs
from guard_pipelines.retention.run_history import sweep_runs
from guard_store.projects.store import ProjectStore
from tests.support.pipelines import Pipelines
from tests.support.stored_events import event, store

DAYS = ["2013-01-01", "2013-01-02", "2013-01-03"]
AGGREGATES = dg.AssetKey("daily_aggregates")


@pytest.fixture
def busy(kept_instance: dg.DagsterInstance, pipelines: Pipelines) -> Pipelines:
    """One run of three days, and six that recompute the last of them."""
    ProjectStore(pipelines.database).create("p", "P")
    store(pipelines.database, [event("p", "m", f"{day}T12:00:00Z", {"x": 1}) for day in DAYS])
    pipelines.settle()
    for _ in range(6):
        pipelines.run({"dagster/partition": DAYS[-1]})
    return pipelines


def size_of(instance: dg.DagsterInstance) -> int:
    return sum(file.stat().st_size for file in Path(instance.root_directory).rglob("*") if file.is_file())


def shards(instance: dg.DagsterInstance) -> set[str]:
    folder = Path(instance.root_directory) / "history" / "runs"
    return {file.stem for file in folder.glob("*.db")} - {"index"}


def test_old_runs_go_with_their_files_and_partitions_keep_their_numbers(busy: Pipelines) -> None:
    before = size_of(busy.instance)
    later = datetime.now(UTC) + timedelta(days=31)
    assert sweep_runs(busy.instance, load_settings(), later) == 6
    (newest,) = busy.instance.get_runs()
    assert shards(busy.instance) == {newest.run_id}
    assert busy.instance.get_materialized_partitions(AGGREGATES) == set(DAYS)
    records = busy.instance.fetch_materializations(AGGREGATES, limit=10).records
    assert sorted(record.partition_key or "" for record in records) == DAYS
    assert size_of(busy.instance) < before / 2


def test_of_many_young_runs_only_the_newest_are_kept(busy: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_GUARD_RETENTION_RUNS", "3")
    assert sweep_runs(busy.instance, load_settings()) == 4
    assert len(busy.instance.get_runs()) == 3


def test_the_nightly_job_sweeps_runs_and_spares_those_in_flight(
    busy: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_GUARD_RETENTION_RUNS", "1")
    held = busy.hold(dg.RunRequest(tags={"dagster/partition": DAYS[0]}), dg.DagsterRunStatus.STARTED)
    result = defs().resolve_job_def("retention").execute_in_process(instance=busy.instance)
    (event_of_sweep,) = result.asset_materializations_for_node("run_retention")
    assert event_of_sweep.metadata["runs_deleted"].value == 6
    assert busy.instance.get_run_by_id(held.run_id) is not None


def test_a_thousand_runs_stay_below_500_mb(busy: Pipelines) -> None:
    of_a_run = size_of(busy.instance) / 7
    assert of_a_run * load_settings().retention.runs < 500e6, of_a_run


def test_what_deleted_runs_have_left_goes_once_it_is_outdated(busy: Pipelines) -> None:
    sweep_runs(busy.instance, load_settings(), datetime.now(UTC) + timedelta(days=31))
    busy.run({"dagster/partition": DAYS[0]})  # newer than what the deleted run of three days has left
    sweep_runs(busy.instance, load_settings())
    records = busy.instance.fetch_materializations(AGGREGATES, limit=10).records
    assert sorted(record.partition_key or "" for record in records) == DAYS
