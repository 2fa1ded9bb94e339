"""Faults: one project's failure stops no other, and a run killed between its writes is repaired by the next."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from deltalake import write_deltalake

from guard_pipelines.monitoring.stages import lake as lake_stage
from guard_store.day_state.day_state import DayState
from guard_store.db.arrow_reader import ArrowReader
from guard_store.db.database import Database
from guard_store.lake import store as lake_module
from guard_store.lake.rows import Learn, StoredDays, store_days
from guard_store.lake.store import Lake, path_safe
from guard_store.projects.store import ProjectStore
from tests.support.paths import ROOT
from tests.support.pipelines import Pipelines
from tests.support.stored_events import event, store


def put(pipelines: Pipelines, project_id: str, days: int = 2) -> None:
    ProjectStore(pipelines.database).create(project_id, project_id)
    store(
        pipelines.database,
        [
            event(project_id, "m", f"2013-01-0{d}T12:{n:02d}:00Z", {"x": n})
            for d in range(1, days + 1)
            for n in range(20)
        ],
    )


def test_one_failing_project_is_visible_and_stops_no_other(pipelines: Pipelines) -> None:
    for project_id in ("a", "broken", "z"):
        put(pipelines, project_id)
    in_the_way = Path(pipelines.settings.storage.lake) / path_safe("broken")
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where the project's folder should be", encoding="utf-8")
    (request,) = pipelines.tick()
    result = pipelines.run_request(request)
    assert result.success
    assert pipelines.counts("a") == pipelines.counts("z") == {"2013-01-01": 20, "2013-01-02": 20}
    assert pipelines.counts("broken") == {}
    failed = pipelines.day_states.list("broken", "m", "2013-01-01", "2013-01-02")
    assert [(item.failed, item.attempts) for item in failed] == [(True, 1), (True, 1)]
    assert "directory" in (failed[0].error or "")
    (check,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "days_processed"]
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert "broken" in str(check.metadata["newest"].value)
    in_the_way.unlink()
    pipelines.settle()
    assert pipelines.counts("broken") == {"2013-01-01": 20, "2013-01-02": 20}


def test_one_failing_day_does_not_take_its_neighbours_with_it(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(pipelines, "p", days=3)

    def fails_on_the_second(
        database: Database, reader: ArrowReader, lake: Lake, items: list[DayState], learn: Learn, max_features: int
    ) -> StoredDays:
        if any(item.day == "2013-01-02" for item in items):
            raise RuntimeError("cannot be read")
        return store_days(database, reader, lake, items, learn, max_features)

    monkeypatch.setattr(lake_stage, "store_days", fails_on_the_second)
    (request,) = pipelines.tick()
    pipelines.run_request(request)
    assert pipelines.counts("p") == {"2013-01-01": 20, "2013-01-03": 20}
    (item,) = pipelines.day_states.list("p", "m", "2013-01-02", "2013-01-02")
    assert item.error == "RuntimeError: cannot be read"


def test_a_project_that_always_fails_is_given_up_until_new_news(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRIES", "1")
    put(pipelines, "p", days=1)
    ProjectStore(pipelines.database).update("p", settings={"drift": {"bins": "many"}})
    assert pipelines.settle() == 2
    (item,) = pipelines.day_states.list("p", "m", "2013-01-01", "2013-01-01")
    assert (item.failed, item.attempts) == (True, 2)
    assert "bins" in (item.error or "")
    assert pipelines.counts("p") == {"2013-01-01": 20}


def test_a_rule_that_fails_is_tried_again_once_for_all_days_of_its_model(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRIES", "1")
    put(pipelines, "p", days=6)
    ProjectStore(pipelines.database).update("p", settings={"retrain": {"of_days": "many"}})
    assert pipelines.settle() == 2
    items = pipelines.day_states.list("p", "m", "2013-01-01", "2013-01-06")
    assert [(item.failed, item.attempts) for item in items] == [(True, 2)] * 6
    assert "of_days" in (items[0].error or "")


def test_a_full_disk_under_the_lake_fails_the_day_with_its_reason_and_loses_nothing(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(pipelines, "p", days=2)

    def on_a_full_disk(*arguments: Any, **named: Any) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))  # not one Parquet file fits
        try:
            write_deltalake(*arguments, **named)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)

    monkeypatch.setattr(lake_module, "write_deltalake", on_a_full_disk)
    (request,) = pipelines.tick()
    assert pipelines.run_request(request).success, "one model's failure is no failure of the run"
    failed = pipelines.day_states.list("p", "m", "2013-01-01", "2013-01-02")
    assert [(item.failed, item.attempts) for item in failed] == [(True, 1), (True, 1)]
    assert "File too large" in (failed[0].error or "")
    store(pipelines.database, [event("p", "m", "2013-01-01T13:00:00Z", {"x": 1})])
    monkeypatch.setattr(lake_module, "write_deltalake", write_deltalake)
    pipelines.settle()
    assert pipelines.counts("p") == {"2013-01-01": 21, "2013-01-02": 20}


@pytest.mark.usefixtures("kept_instance")
@pytest.mark.parametrize("stage", ["lake", "profile", "drift"])
def test_a_run_killed_between_a_stages_writes_is_repaired_by_the_next(pipelines: Pipelines, stage: str) -> None:
    put(pipelines, "p", days=3)
    pipelines.settle()
    undisturbed = pipelines.counts("p"), [(r.day, r.state, r.report) for r in pipelines.reports("p")]
    store(pipelines.database, [event("p", "m", f"2013-01-0{d}T13:00:00Z", {"x": 1}) for d in (1, 2, 3)])
    (request,) = pipelines.tick()
    script = [sys.executable, "-W", "ignore", "-m", "tests.guard_pipelines.days.killed_run", stage]
    died = subprocess.run(
        [*script, request.run_key or "", *_pairs(request.tags)], cwd=ROOT, env=os.environ, check=False
    )
    assert died.returncode == -signal.SIGKILL
    (run,) = pipelines.instance.get_runs(limit=1)
    assert not run.is_finished
    pipelines.instance.report_run_failed(run)  # as the code server does when it misses the process
    (again,) = pipelines.tick()
    assert again.run_key != request.run_key
    pipelines.run_request(again)
    assert pipelines.settle() <= 1
    assert pipelines.counts("p") == {day: count + 1 for day, count in undisturbed[0].items()}
    assert {day: pipelines.lake("p").rows(day) for day in pipelines.lake("p").days} == pipelines.counts("p")
    assert [(r.day, r.state, r.report) for r in pipelines.reports("p")] == undisturbed[1]
    assert all(item.done for item in pipelines.day_states.list("p", "m", "2013-01-01", "2013-01-03"))


def _pairs(tags: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in tags.items()]
