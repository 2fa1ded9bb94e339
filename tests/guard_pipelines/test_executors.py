"""The executor of the settings: a day's results are the same in one process and in one a step; what is no executor is named."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance

from guard_core.settings import SettingsError
from guard_pipelines.executors import executor_of
from guard_pipelines.tags import UNPROCESSED, range_tags
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.monitoring.performance import PerformanceStore
from tests.support.paths import ROOT
from tests.support.pipeline_projects import make_project, send_days
from tests.support.pipelines import Pipelines, capture_baseline
from tests.support.settings import settings_of

ASSETS = ("raw_events", "daily_aggregates", "drift_reports", "performance", "retrain_recommended", "alerts")
DAYS = ("2013-01-06", "2013-01-07")
STEPS_OF_CHECKS = 4
OF_THE_RUN = {"run_id", "computed_us"}


def run_daily(home: Path, executor: str) -> DagsterInstance:
    """Execute the daily job with Dagster's own command, on an instance of the repository's dagster.yaml."""
    folder = home.parent / f"dagster-{home.name}"
    folder.mkdir()
    shutil.copy(ROOT / "dagster.yaml", folder)
    env = {**os.environ, "ML_GUARD_HOME": str(home), "DAGSTER_HOME": str(folder)}
    tags = {**range_tags(*DAYS), UNPROCESSED: "new days"}
    dagster = Path(sys.executable).parent / "dagster"
    done = subprocess.run(
        [dagster, "job", "execute", "-m", "guard_pipelines.definitions", "-j", "daily", "--tags", json.dumps(tags)],
        cwd=ROOT, env={**env, "ML_GUARD_PIPELINES_EXECUTOR": executor},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return DagsterInstance.from_config(str(folder))


def results_of(home: Path) -> Mapping[str, list[dict[str, Any]]]:
    """Return what is stored of the days, without what differs between any two runs."""
    database = Database(settings_of(home=home).storage.database)
    rows: dict[str, list[Any]] = {
        "states": list(DayStateStore(database).of_days(DAYS)),
        "aggregates": list(AggregateStore(database).days("p", "m", *DAYS)),
        "reports": list(DriftReportStore(database).days("p", "m", *DAYS)),
        "performance": list(PerformanceStore(database).days("p", "m", *DAYS)),
    }
    database.close()
    return {
        name: [{key: value for key, value in asdict(row).items() if key not in OF_THE_RUN} for row in found]
        for name, found in rows.items()
    }


def history_of(instance: DagsterInstance) -> dict[str, dict[str | None, set[str]]]:
    """Return by asset and day the names of the metadata of its materialisations, of which there is one."""
    history: dict[str, dict[str | None, set[str]]] = {}
    for asset in ASSETS:
        records = instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
        assert len(records) == len(DAYS)
        history[asset] = {
            record.partition_key: set(record.asset_materialization.metadata)
            for record in records
            if record.asset_materialization is not None
        }
    return history


def processes_of(instance: DagsterInstance) -> int:
    """Count the processes that the steps of the only run were executed in."""
    (run,) = instance.get_runs()
    started = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)
    return len({entry.get_dagster_event().pid for entry in started})


def test_a_day_has_the_same_results_in_one_process_and_in_one_a_step(pipelines: Pipelines, home: Path) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 5)
    pipelines.settle()
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-05")
    send_days(pipelines.database, 6, 7, turned=True)
    pipelines.database.close()
    other = home.with_name("other")
    shutil.copytree(home, other)
    with run_daily(home, "in_process") as one, run_daily(other, "multiprocess") as many:
        assert processes_of(one) == 1
        assert processes_of(many) == len(ASSETS) + STEPS_OF_CHECKS
        assert history_of(many) == history_of(one)
    results = results_of(home)
    assert [len(found) > 0 for found in results.values()] == [True] * 4
    assert results_of(other) == results


def test_an_executor_is_imported_by_its_name() -> None:
    assert executor_of(settings_of()) is dg.in_process_executor
    assert executor_of(settings_of(pipelines_executor="multiprocess")) is dg.multiprocess_executor
    assert executor_of(settings_of(pipelines_executor="dagster:multi_or_in_process_executor")) is (
        dg.multi_or_in_process_executor
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_package:celery_executor", "No module named 'no_such_package'"),
        ("dagster:no_such_executor", "no attribute 'no_such_executor'"),
        ("dagster:asset", "is not a dagster.ExecutorDefinition but a function"),
    ],
)
def test_what_is_no_executor_is_refused_by_the_name_of_the_setting(name: str, message: str) -> None:
    with pytest.raises(SettingsError, match=f"^ML_GUARD_PIPELINES_EXECUTOR: {name} .*{message}"):
        executor_of(settings_of(pipelines_executor=name))


def test_the_code_location_is_not_loaded_with_an_executor_that_is_none() -> None:
    dagster = Path(sys.executable).parent / "dagster"
    for name, message in (
        ("k8s", "ML_GUARD_PIPELINES_EXECUTOR"),
        ("no_package:x", "ML_GUARD_PIPELINES_EXECUTOR: no_p"),
    ):
        done = subprocess.run(
            [dagster, "asset", "list", "-m", "guard_pipelines.definitions"],
            cwd=ROOT, env={**os.environ, "ML_GUARD_PIPELINES_EXECUTOR": name},
            capture_output=True, text=True, check=False, timeout=180,
        )  # fmt: skip
        assert done.returncode != 0
        assert message in done.stderr + done.stdout
