"""A day that was green and fails when it is recomputed: the check on its partition fails, and passes after the day is processed."""

import dagster as dg
import pytest

from guard_pipelines.alerts.sensors import finished_runs
from guard_pipelines.definitions import defs
from guard_pipelines.monitoring.checks.failed_partitions import report_failed_days
from guard_pipelines.resources import Guard
from guard_pipelines.runtime.check_partitions import DAY_PROCESSED, failing_partitions
from guard_pipelines.tags import range_tags
from tests.support.pipeline_projects import make_project, send_days
from tests.support.pipelines import Pipelines
from tests.support.stored_events import event, store

pytestmark = pytest.mark.usefixtures("kept_instance")
DAY = "2013-01-02"
ANOTHER_DAY = {"dagster/partition": "2013-01-01"}
GREEN = {"2013-01-01", DAY}


def fail(pipelines: Pipelines, times: int) -> None:
    """Make a processed day fail, as a run that recomputes it does."""
    store(pipelines.database, [event("p", "m", f"{DAY}T12:00:00Z", {"x": 0.0, "plan": "a"})])
    (state,) = pipelines.day_states.list("p", "m", DAY, DAY)
    for _ in range(times):
        pipelines.day_states.fail(state, "cannot be read")


def end_run(pipelines: Pipelines, tags: dict[str, str]) -> dg.DagsterRun:
    """Run the daily job, let the sensor see that it has finished, and return the run."""
    result = pipelines.run(tags)
    with dg.build_run_status_sensor_context(
        "finished_runs",
        dagster_event=result.get_run_success_event(),
        dagster_instance=pipelines.instance,
        dagster_run=result.dagster_run,
        resources={"guard": Guard()},
    ) as context:
        finished_runs(context)
    return result.dagster_run


def results(pipelines: Pipelines) -> dict[str | None, str]:
    infos = pipelines.instance.event_log_storage.get_asset_check_partition_info([DAY_PROCESSED])
    return {info.partition_key: info.latest_execution_status.value for info in infos}


def test_a_green_day_that_fails_has_a_result_on_its_partition_until_it_is_processed(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 2)
    end_run(pipelines, range_tags("2013-01-01", DAY))
    assert results(pipelines) == {}
    fail(pipelines, 1)
    end_run(pipelines, ANOTHER_DAY)
    (waiting,) = failing_partitions(pipelines.instance, DAY_PROCESSED).values()
    assert (waiting.severity, waiting.partition) == (dg.AssetCheckSeverity.WARN, DAY)
    assert waiting.description == "p/m waits, attempt 1: cannot be read"
    assert waiting.target_materialization_data is not None
    (state,) = pipelines.day_states.list("p", "m", DAY, DAY)
    for _ in range(pipelines.settings.pipelines.retries):
        pipelines.day_states.fail(state, "cannot be read")
    run = end_run(pipelines, ANOTHER_DAY)
    assert pipelines.instance.get_materialized_partitions(DAY_PROCESSED.asset_key) == GREEN
    (given_up,) = failing_partitions(pipelines.instance, DAY_PROCESSED).values()
    assert given_up.severity == dg.AssetCheckSeverity.ERROR
    assert (given_up.description or "").startswith("p/m given up, attempt ")
    again = report_failed_days(pipelines.instance, run, pipelines.database, pipelines.settings)
    assert again == 0  # each change is reported once
    end_run(pipelines, {"dagster/partition": DAY})
    assert results(pipelines) == {DAY: "SUCCEEDED"}


def test_the_check_by_hand_looks_at_its_partition_and_leaves_nothing_planned(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 2)
    pipelines.settle()
    fail(pipelines, 1)
    job = defs().resolve_implicit_global_asset_job_def()
    alone = job.get_subset(asset_selection=set(), asset_check_selection={DAY_PROCESSED})
    for day, passes in (("2013-01-01", True), (DAY, False)):
        result = alone.execute_in_process(instance=pipelines.instance, tags={"dagster/partition": day})
        (evaluation,) = result.get_asset_check_evaluations()
        assert (evaluation.passed, evaluation.partition) == (passes, day)
    assert results(pipelines) == {"2013-01-01": "SUCCEEDED", DAY: "FAILED"}
