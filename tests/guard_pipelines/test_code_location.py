"""The code location: loads, is light, has everything, and the instance of the repository works."""

import subprocess
import sys

import yaml
from dagster import DagsterInstance

from guard_pipelines.definitions import defs
from guard_pipelines.partitions import DAILY, MODELS
from guard_pipelines.runtime.event_log import BatchedSqliteEventLogStorage
from tests.support.paths import ROOT

HEAVY = ("pyarrow", "deltalake", "pandas", "scipy", "sklearn", "mlflow")


def test_loading_it_imports_nothing_heavy() -> None:
    code = f"import sys; from guard_pipelines.definitions import defs; defs(); print([m for m in {HEAVY} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    assert found.stderr == ""


def test_the_workspace_names_it() -> None:
    workspace = yaml.safe_load((ROOT / "guard_pipelines" / "workspace.yaml").read_text(encoding="utf-8"))
    assert workspace["load_from"][0]["python_module"]["module_name"] == "guard_pipelines.definitions"


def test_the_daily_job_has_all_assets_and_checks() -> None:
    repository = defs().get_repository_def()
    job = repository.get_job("daily")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == {
        "raw_events",
        "daily_aggregates",
        "drift_reports",
        "performance",
        "retrain_recommended",
        "alerts",
    }
    assert {key.name for key in job.asset_layer.asset_graph.asset_check_keys} == {
        "lake_matches_store",
        "volume",
        "unseen_features",
        "kind_violations",
        "null_share",
        "days_processed",
        "latest_due_day",
        "drift",
    }


def test_all_that_the_pages_show_says_what_it_is_for() -> None:
    repository = defs().get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    said = {job.name: job.description for job in jobs}
    said |= {sensor.name: sensor.description for sensor in repository.sensor_defs}
    said |= {schedule.name: schedule.description for schedule in repository.schedule_defs}
    assert len(said) > 10
    assert [name for name, description in said.items() if not description] == []
    assert all(repository.asset_graph.get(key).description for key in repository.asset_graph.get_all_asset_keys())


def test_the_retrain_job_goes_from_data_to_registered_version_model_by_model() -> None:
    job = defs().get_repository_def().get_job("retrain")
    keys = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
    assert keys == {"training_set", "candidate_model", "model_evaluation", "registered_model"}
    assert job.partitions_def == MODELS


def test_a_day_that_ends_ahead_of_utc_has_a_partition() -> None:
    assert DAILY.end_offset == 1
    assert DAILY.get_first_partition_key() == "2013-01-01"


def test_the_instance_stores_events_in_batches(kept_instance: DagsterInstance) -> None:
    assert isinstance(kept_instance.event_log_storage, BatchedSqliteEventLogStorage)
    assert not kept_instance.telemetry_enabled
