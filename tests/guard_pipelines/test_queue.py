"""The queue of runs: verdicts of the day are started before backfills and trainings, however many of those wait."""

from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._record import copy

from guard_pipelines.definitions import defs
from guard_pipelines.partitions import MODELS
from guard_pipelines.tags import BACKGROUND, TRAININGS_LAST, days_of, range_tags
from tests.support.pipeline_projects import make_project, send_days
from tests.support.pipelines import Pipelines

QUEUED, STARTED = dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED
TRAININGS = 40
MONTHS = {"dagster/asset_partition_range_start": "2011-01-01", "dagster/asset_partition_range_end": "2012-12-31"}


def take_from_queue(pipelines: Pipelines) -> list[dg.DagsterRun]:
    """Return the runs that the daemon would start now."""
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)
    return daemon._get_runs_to_dequeue(
        pipelines.instance, pipelines.instance.get_concurrency_config(), fixed_iteration_time=None
    )


def start(pipelines: Pipelines, runs: list[dg.DagsterRun]) -> None:
    for run in runs:
        event = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, job_name=run.job_name)
        pipelines.instance.report_dagster_event(event, run.run_id)


def wait_in_queue(pipelines: Pipelines, job: str, tags: dict[str, Any]) -> dg.DagsterRun:
    return pipelines.hold(dg.RunRequest(tags=tags), QUEUED, job)


@pytest.fixture
def crowded(kept_instance: dg.DagsterInstance, pipelines: Pipelines) -> Pipelines:
    """Forty trainings, two backfills over years, ranges by hand and other jobs wait, and as many of them as may have started."""
    make_project(pipelines.database)
    kept_instance.add_dynamic_partitions(str(MODELS.name), ["p/m"])
    for job, tags, count in (
        ("retrain", {**TRAININGS_LAST, "dagster/partition": "p/m"}, TRAININGS),
        ("daily", {"dagster/partition": "2013-02-01", "dagster/backfill": "old"}, 12),
        ("daily", {"dagster/partition": "2013-03-01", "dagster/backfill": "older"}, 12),
        ("daily", {**MONTHS, "dagster/from_ui": "true"}, 3),
        ("knowledge", BACKGROUND, 2),
        ("costs", {**MONTHS, **BACKGROUND}, 2),
    ):
        first = wait_in_queue(pipelines, job, tags)
        for _ in range(count - 1):
            kept_instance.add_run(copy(first, run_id=str(uuid4())))
    start(pipelines, take_from_queue(pipelines))
    return pipelines


def test_trainings_and_backfills_run_one_at_a_time_and_leave_room_for_the_day(crowded: Pipelines) -> None:
    started = crowded.instance.get_runs(dg.RunsFilter(statuses=[STARTED]))
    assert sorted(run.job_name for run in started) == ["daily", "daily", "knowledge", "retrain"]
    assert take_from_queue(crowded) == []


def test_a_training_that_is_materialised_asset_by_asset_waits_for_the_one_that_runs(crowded: Pipelines) -> None:
    by_hand = crowded.instance.create_run_for_job(
        defs().resolve_implicit_global_asset_job_def(),
        asset_selection=frozenset({dg.AssetKey("candidate_model")}),
        tags={"dagster/partition": "p/m"},
        status=QUEUED,
        remote_job_origin=RemoteJobOrigin(
            RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("guard_pipelines"), "__repository__"), "__ASSET_JOB"
        ),
    )
    assert take_from_queue(crowded) == []
    for run in crowded.instance.get_runs(dg.RunsFilter(statuses=[STARTED], job_name="retrain")):
        crowded.instance.report_run_failed(run)
    for run in crowded.instance.get_runs(dg.RunsFilter(statuses=[QUEUED], job_name="retrain")):
        crowded.instance.report_run_canceled(run)
    assert [run.run_id for run in take_from_queue(crowded)] == [by_hand.run_id]


def test_the_verdicts_of_a_new_day_start_before_all_that_waits(crowded: Pipelines) -> None:
    send_days(crowded.database, 11, 11)
    (request,) = crowded.tick()
    verdicts = crowded.hold(request, QUEUED)
    assert [run.run_id for run in take_from_queue(crowded)] == [verdicts.run_id]


def test_a_new_day_is_not_held_back_by_a_backfill_of_it_that_waits(crowded: Pipelines) -> None:
    backfill = {**range_tags("2013-01-01", "2013-12-31"), "dagster/backfill": "year"}
    waiting = wait_in_queue(crowded, "daily", backfill)
    send_days(crowded.database, 11, 11)
    (request,) = crowded.tick()
    assert days_of(request.tags) == ["2013-01-11"]
    start(crowded, [waiting])
    assert crowded.tick() == [], "once it has started, it processes the day itself"


def test_verdicts_are_first_where_all_places_are_free(kept_instance: dg.DagsterInstance, pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 2)
    for n in range(5):
        wait_in_queue(pipelines, "daily", {"dagster/partition": f"2013-02-{n + 1:02d}"})
    (request,) = pipelines.tick()
    verdicts = pipelines.hold(request, QUEUED)
    assert take_from_queue(pipelines)[0].run_id == verdicts.run_id
