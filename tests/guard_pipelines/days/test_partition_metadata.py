"""Metadata of partitions: each day's own numbers, a state where a day is not simply processed, and little storage."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from guard_pipelines.runtime.event_log import BatchedSqliteEventLogStorage
from guard_pipelines.tags import UNPROCESSED, range_tags
from guard_store.projects.store import ProjectStore
from tests.support.pipeline_projects import ROWS, make_project, send_days
from tests.support.pipelines import Pipelines, capture_baseline
from tests.support.stored_events import event, store


def metadata_of(pipelines: Pipelines, asset: str) -> dict[str, dict[str, Any]]:
    records = pipelines.instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
    return {
        str(record.partition_key): {name: value.value for name, value in record.asset_materialization.metadata.items()}
        for record in reversed(records)
        if record.asset_materialization is not None
    }


def test_each_partition_has_the_numbers_of_its_own_day(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 3)
    send_days(pipelines.database, 4, 4, labels=False)
    store(pipelines.database, [event("p", "m", "2013-01-03T12:00:00Z", {"x": 0.0, "plan": "a"}, latency_ms=900.0)])
    assert pipelines.settle() == 1
    rows = {day: of["dagster/partition_row_count"] for day, of in metadata_of(pipelines, "raw_events").items()}
    assert rows == {"2013-01-01": ROWS, "2013-01-02": ROWS, "2013-01-03": ROWS + 1, "2013-01-04": ROWS}
    profiles = metadata_of(pipelines, "daily_aggregates")
    assert profiles["2013-01-03"]["p95_latency_ms"] > 0
    measured = metadata_of(pipelines, "performance")
    assert {day: of["labelled_rows"] for day, of in measured.items()} == {
        "2013-01-01": ROWS,
        "2013-01-02": ROWS,
        "2013-01-03": ROWS,
        "2013-01-04": 0,
    }
    worst = {day: of.get("worst_roc_auc") for day, of in measured.items()}
    assert worst["2013-01-04"] is None
    assert len({value for value in worst.values() if value is not None}) == 3
    of_day = metadata_of(pipelines, "drift_reports")["2013-01-01"]
    assert (of_day["models"], of_day["page"]) == (1, "http://127.0.0.1:8000/projects/p/models/m/days/2013-01-01")


def test_the_running_day_is_described_as_not_closed(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    now = datetime.now(UTC)
    store(pipelines.database, [event("p", "m", now.isoformat(), {"x": 1.0})])
    pipelines.run({"dagster/partition": now.date().isoformat()})
    (today,) = metadata_of(pipelines, "daily_aggregates").values()
    assert today["state"] == "1 of 1 models: not closed yet"


DAILY_ASSETS = ("raw_events", "daily_aggregates", "drift_reports", "performance", "retrain_recommended", "alerts")


@pytest.mark.usefixtures("kept_instance")
@pytest.mark.parametrize("is_given_up", [True, False])
def test_a_failed_day_in_the_range_of_a_run_is_observed_and_not_materialised(
    pipelines: Pipelines, is_given_up: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_given_up:
        monkeypatch.setenv("ML_GUARD_PIPELINES_RETRY_DELAY_S", "3600")
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 3)
    (failed,) = pipelines.day_states.list("p", "m", "2013-01-02", "2013-01-02")
    for _ in range(pipelines.settings.pipelines.retries + 1 if is_given_up else 1):
        pipelines.day_states.fail(failed, "cannot be read")
    pipelines.run({**range_tags("2013-01-01", "2013-01-03"), UNPROCESSED: "another day"})
    for asset in DAILY_ASSETS:
        assert sorted(metadata_of(pipelines, asset)) == ["2013-01-01", "2013-01-03"], asset
        key = dg.AssetKey(asset)
        assert pipelines.instance.get_materialized_partitions(key) == {"2013-01-01", "2013-01-03"}
        (observed,) = pipelines.instance.fetch_observations(key, limit=10).records
        assert observed.asset_observation is not None
        assert observed.partition_key == "2013-01-02"
        assert observed.asset_observation.metadata["state"].value == "1 of 1 models: failed"


@pytest.mark.usefixtures("kept_instance")
def test_a_run_in_which_every_day_failed_materialises_nothing(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 2, 2)
    (failed,) = pipelines.day_states.list("p", "m", "2013-01-02", "2013-01-02")
    for _ in range(pipelines.settings.pipelines.retries + 1):
        pipelines.day_states.fail(failed, "cannot be read")
    result = pipelines.run({**range_tags("2013-01-02", "2013-01-02"), UNPROCESSED: "another day"})
    assert result.success
    assert {asset: metadata_of(pipelines, asset) for asset in DAILY_ASSETS} == {asset: {} for asset in DAILY_ASSETS}


@pytest.mark.usefixtures("kept_instance")
def test_no_check_is_left_planned_after_a_run(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 3)
    pipelines.settle()
    storage = pipelines.instance.event_log_storage
    assert isinstance(storage, BatchedSqliteEventLogStorage)
    with storage.index_connection() as connection:
        rows = connection.execute(
            text("SELECT check_name, partition, execution_status FROM asset_check_executions")
        ).all()
    assert len({name for name, _, _ in rows}) == len(rows) == 8
    assert {(partition, status == "PLANNED") for _, partition, status in rows} == {(None, False)}


@pytest.mark.usefixtures("kept_instance")
def test_a_materialisation_takes_less_than_a_kilobyte_in_its_run_and_in_the_index_together(
    pipelines: Pipelines,
) -> None:
    for n in range(20):
        ProjectStore(pipelines.database).create(f"project-{n}", "P")
    store(
        pipelines.database,
        [event(f"project-{n}", "m", f"2013-01-0{d}T12:00:00Z", {"x": n}) for n in range(20) for d in (1, 2)],
    )
    pipelines.settle()
    storage = pipelines.instance.event_log_storage
    assert isinstance(storage, BatchedSqliteEventLogStorage)
    metadata = metadata_of(pipelines, "drift_reports")["2013-01-02"]
    assert metadata["models"] == 20
    assert "… and" in metadata["verdicts"]
    assert len(str(metadata)) < 1_000
    largest = text("SELECT max(length(event)) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'")
    (run,) = pipelines.instance.get_runs(limit=1)
    sizes = []
    for database in (storage.index_connection(), storage.run_connection(run.run_id)):
        with database as connection:
            sizes.append(connection.execute(largest).scalar_one())
    assert len(sizes) == 2
    assert sum(sizes) <= 1_000


def test_a_stage_that_has_nothing_to_do_for_a_day_leaves_its_partition_as_it_is(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 3)
    pipelines.settle()
    before = {asset: metadata_of(pipelines, asset) for asset in DAILY_ASSETS}
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-03")  # due again: drift, performance and the rule
    assert pipelines.settle() == 1
    after = {asset: metadata_of(pipelines, asset) for asset in DAILY_ASSETS}
    for asset in ("raw_events", "daily_aggregates"):
        assert after[asset] == before[asset]
        assert len(pipelines.instance.fetch_materializations(dg.AssetKey(asset), limit=100).records) == 3
    assert after["drift_reports"]["2013-01-01"]["verdicts"] != before["drift_reports"]["2013-01-01"]["verdicts"]


def test_the_numbers_of_a_day_are_those_of_all_its_models_if_a_run_has_processed_some(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 1)
    ProjectStore(pipelines.database).create("q", "Q")
    store(pipelines.database, [event("q", "m", "2013-01-01T12:00:00Z", {"x": 0.0}, latency_ms=1.0)])
    pipelines.settle()
    before = {asset: metadata_of(pipelines, asset)["2013-01-01"] for asset in DAILY_ASSETS[:4]}
    store(pipelines.database, [event("q", "m", "2013-01-01T13:00:00Z", {"x": 0.0}, latency_ms=1.0)])
    assert pipelines.settle() == 1
    after = {asset: metadata_of(pipelines, asset)["2013-01-01"] for asset in DAILY_ASSETS[:4]}
    assert {asset: of["models"] for asset, of in after.items()} == dict.fromkeys(after, 2)
    assert after["raw_events"]["dagster/partition_row_count"] == ROWS + 2
    assert after["daily_aggregates"]["p95_latency_ms"] == before["daily_aggregates"]["p95_latency_ms"]
    for name in ("labelled_rows", "worst_roc_auc"):
        assert after["performance"][name] == before["performance"][name], name
