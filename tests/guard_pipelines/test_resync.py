"""History written anew into another Dagster storage, from our own database: on SQLite and on PostgreSQL."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster import DagsterInstance

from guard_pipelines.partitions import MODELS
from guard_pipelines.resync import resync
from guard_pipelines.tags import UNPROCESSED, range_tags
from guard_store.retraining.flags import FlagStore
from tests.support.paths import ROOT
from tests.support.pipeline_projects import ADMIN, make_project, send_days
from tests.support.pipelines import Pipelines, capture_baseline

DAILY = ("raw_events", "daily_aggregates", "drift_reports", "performance", "retrain_recommended", "alerts")
TRAINING = ("training_set", "candidate_model", "model_evaluation", "registered_model")
DAYS = {f"2013-01-{day:02}" for day in range(1, 13)}
# Written by resync too, where the run has written them; tables and totals of a run are not.
NUMBERS = {
    "dagster/partition_row_count",
    "models",
    "drifted_columns",
    "labelled_rows",
    "p95_latency_ms",
    "worst_roc_auc",
    "worst_accuracy",
    "worst_mae",
    "flag_id",
    "lake_version",
    "held_out_rows",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DagsterInstance]:
    """A Dagster instance with an empty storage: the embedded one, or PostgreSQL's."""
    folder = tmp_path / "new"
    folder.mkdir()
    config = (ROOT / "dagster.yaml").read_text(encoding="utf-8")
    if request.param == "postgresql":
        url = request.getfixturevalue("empty_postgresql_url").replace("postgresql://", "postgresql+psycopg://")
        values = yaml.safe_load(config)
        del values["event_log_storage"]
        config = yaml.safe_dump({**values, "storage": {"postgres": {"postgres_url": url}}})
    (folder / "dagster.yaml").write_text(config, encoding="utf-8")
    with DagsterInstance.from_config(str(folder)) as instance:
        yield instance


def history_of(instance: DagsterInstance) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the comparable metadata of each partition's newest materialisation, by asset and partition."""
    history: dict[tuple[str, str], dict[str, Any]] = {}
    for asset in (*DAILY[:4], *TRAINING):
        for record in reversed(instance.fetch_materializations(dg.AssetKey(asset), limit=1000).records):
            assert record.asset_materialization is not None
            metadata = record.asset_materialization.metadata
            numbers = {name: value.value for name, value in metadata.items() if name in NUMBERS}
            history[asset, str(record.partition_key)] = numbers
    return history


def test_an_empty_storage_gets_the_history_that_the_runs_have_written(
    pipelines: Pipelines, empty_instance: DagsterInstance
) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 5)
    pipelines.settle()
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-05")
    send_days(pipelines.database, 6, 12, turned=True)
    pipelines.settle()
    FlagStore(pipelines.database).force(
        "p", "m", "2013-01-12", as_of_us=1_358_035_200_000_000, reason="why", actor=ADMIN
    )
    (request,) = pipelines.tick_retrain()
    pipelines.retrain(request)
    send_days(pipelines.database, 13, 13)  # waits: it is no history yet
    written = resync(empty_instance, pipelines.database, pipelines.settings)
    assert written.models == ["p/m"]
    assert written.materialised == {
        **dict.fromkeys(DAILY, len(DAYS)), "aws_costs": 0, "llm_costs": 0, **dict.fromkeys(TRAINING, 1),
    }  # fmt: skip
    assert empty_instance.get_dynamic_partitions(str(MODELS.name)) == ["p/m"]
    assert empty_instance.get_materialized_partitions(dg.AssetKey("drift_reports")) == DAYS
    assert history_of(empty_instance) == history_of(pipelines.instance)
    again = resync(empty_instance, pipelines.database, pipelines.settings)
    assert (sum(again.materialised.values()), again.models) == (0, [])
    assert str(again) == "wrote 0 materialisations and 0 model partitions"


def test_a_day_that_has_failed_in_one_model_is_no_history(
    pipelines: Pipelines, empty_instance: DagsterInstance
) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 2)
    (failed,) = pipelines.day_states.list("p", "m", "2013-01-02", "2013-01-02")
    for _ in range(pipelines.settings.pipelines.retries + 1):
        pipelines.day_states.fail(failed, "cannot be read")
    pipelines.run({**range_tags("2013-01-01", "2013-01-02"), UNPROCESSED: "another day"})
    resync(empty_instance, pipelines.database, pipelines.settings)
    for asset in DAILY:
        assert empty_instance.get_materialized_partitions(dg.AssetKey(asset)) == {"2013-01-01"}, asset


def test_the_command_writes_into_the_storage_of_dagster_home(pipelines: Pipelines, home: Path, tmp_path: Path) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 2)
    pipelines.settle()
    env = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    command = [sys.executable, "-m", "guard_cli.main", "dagster", "resync"]
    answers = []
    for _ in range(2):
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        answers.append(done.stdout)
    assert answers[0].startswith("wrote 12 materialisations (raw_events 2, ")
    assert answers[1] == "wrote 0 materialisations and 0 model partitions\n"
    with DagsterInstance.from_config(str(home / "dagster")) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("alerts")) == {"2013-01-01", "2013-01-02"}
    wrong = {**env, "DAGSTER_HOME": str(tmp_path / "nowhere")}
    done = subprocess.run(command, env=wrong, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "DAGSTER_HOME" in done.stderr
