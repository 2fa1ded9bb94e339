"""Checks as a person executes them on Dagster's page, without a materialisation and without partitions."""

import dagster as dg
import numpy as np

from guard_pipelines.definitions import defs
from guard_pipelines.runtime.check_partitions import DAY_PROCESSED
from guard_pipelines.tags import UNPROCESSED, range_tags
from guard_store.projects.store import ProjectStore
from tests.support.pipelines import Pipelines, capture_baseline
from tests.support.stored_events import event, store

UNUSED_SOURCES = {"aws_costs", "llm_costs"}
REPORTED_BY_ASSETS = {"lake_matches_store"}


def execute_alone(pipelines: Pipelines, key: dg.AssetCheckKey) -> dg.AssetCheckEvaluation:
    job = defs().resolve_implicit_global_asset_job_def()
    alone = job.get_subset(asset_selection=set(), asset_check_selection={key})
    result = alone.execute_in_process(instance=pipelines.instance)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def all_check_keys() -> list[dg.AssetCheckKey]:
    return sorted(defs().resolve_implicit_global_asset_job_def().asset_layer.asset_graph.asset_check_keys)


def check_keys() -> list[dg.AssetCheckKey]:
    return [key for key in all_check_keys() if key.name not in REPORTED_BY_ASSETS]


def store_shifted_week(pipelines: Pipelines) -> None:
    """Store ten days of a model, of which the last has drifted from a baseline of the first eight."""
    ProjectStore(pipelines.database).create("p", "P")
    rng = np.random.default_rng(2013)
    store(
        pipelines.database,
        [
            event("p", "m", f"2013-01-{day:02d}T{n // 12:02d}:{n % 12:02d}:00Z", {"x": float(x) + 5 * (day == 10)})
            for day in range(1, 11)
            for n, x in enumerate(rng.normal(size=280))
        ],
    )
    pipelines.settle()
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-08")
    pipelines.settle()


def test_a_check_executed_alone_looks_at_the_newest_closed_days(pipelines: Pipelines) -> None:
    store_shifted_week(pipelines)
    evaluation = execute_alone(pipelines, dg.AssetCheckKey(dg.AssetKey("drift_reports"), "drift"))
    assert not evaluation.passed
    assert evaluation.metadata["days"].value == "2013-01-04 to 2013-01-10"
    assert evaluation.metadata["inspected"].value == 7
    assert "2013-01-10" in str(evaluation.metadata["newest"].value)
    table = evaluation.metadata["worst_columns"]
    assert isinstance(table, dg.TableMetadataValue)
    worst, *_ = table.records
    assert {name: worst.data[name] for name in ("project", "model", "day", "column", "state")} == {
        "project": "p",
        "model": "m",
        "day": "2013-01-10",
        "column": "x",
        "state": "drift",
    }
    assert float(str(worst.data["effect"])) > float(str(worst.data["threshold"]))
    assert worst.data["reason"]
    volume = execute_alone(pipelines, dg.AssetCheckKey(dg.AssetKey("daily_aggregates"), "volume"))
    assert (volume.passed, volume.metadata["inspected"].value) == (True, 7)


def test_no_check_passes_on_an_empty_store(pipelines: Pipelines) -> None:
    keys = [key for key in check_keys() if key.asset_key.path[0] not in UNUSED_SOURCES]
    evaluations = [execute_alone(pipelines, key) for key in keys]
    assert [evaluation.check_name for evaluation in evaluations if evaluation.passed] == []
    assert {evaluation.severity for evaluation in evaluations} == {dg.AssetCheckSeverity.WARN}
    assert all("nothing to inspect" in str(evaluation.metadata["reason"].value) for evaluation in evaluations)


def test_no_check_passes_on_days_without_a_row(pipelines: Pipelines) -> None:
    store_shifted_week(pipelines)
    result = pipelines.run({"dagster/partition": "2013-03-01"})
    assert result.success
    passed = {evaluation.check_name: evaluation.passed for evaluation in result.get_asset_check_evaluations()}
    assert not passed["drift"]
    assert not passed["lake_matches_store"]


def test_a_day_that_failed_stays_reported_after_runs_of_other_days(pipelines: Pipelines) -> None:
    store_shifted_week(pipelines)
    store(pipelines.database, [event("p", "m", "2013-01-03T12:00:00Z", {"x": 1.0})])
    (item,) = pipelines.day_states.list("p", "m", "2013-01-03", "2013-01-03")
    for _ in range(pipelines.settings.pipelines.retries + 1):
        pipelines.day_states.fail(item, "cannot be read")
    result = pipelines.run({"dagster/partition": "2013-01-09"})
    (check,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "days_processed"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "given up, attempt" in str(check.metadata["newest"].value)


def test_no_check_warns_after_the_schedule_in_an_installation_without_new_events_costs_and_documents(
    pipelines: Pipelines,
) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    rng = np.random.default_rng(2013)
    rows = [event("p", "m", f"2013-01-{day:02d}T12:00:00Z", {"x": float(rng.normal())}) for day in range(1, 9)]
    store(pipelines.database, rows)
    pipelines.settle()
    of_schedule = {**range_tags("2026-11-29", "2026-11-29"), UNPROCESSED: "schedule 2026-11-29"}
    evaluations = [
        *pipelines.run(of_schedule).get_asset_check_evaluations(),
        *run_job(pipelines, "costs", of_schedule).get_asset_check_evaluations(),
        *run_job(pipelines, "knowledge", {}).get_asset_check_evaluations(),
    ]
    # Results of `day_processed` are reported after a run, and only on days that have failed.
    assert {e.asset_check_key for e in evaluations} == set(all_check_keys()) - {DAY_PROCESSED}
    assert [(e.check_name, e.metadata) for e in evaluations if not e.passed] == []


def run_job(pipelines: Pipelines, name: str, tags: dict[str, str]) -> dg.ExecuteInProcessResult:
    return defs().resolve_job_def(name).execute_in_process(instance=pipelines.instance, tags=tags)
