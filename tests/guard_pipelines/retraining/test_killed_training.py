"""A training run that is killed at any of its writes is repaired by the next: the same end state as without the kill."""

import os
import signal
import subprocess
import sys
from typing import Any

import dagster as dg
import pytest

from guard_core.settings import load_settings
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.monitoring.baselines import BaselineStore
from guard_store.monitoring.performance import PerformanceStore
from guard_store.retraining.decisions import DecisionStore
from guard_store.retraining.flags import FlagStore
from guard_store.retraining.registry import CHAMPION, FLAG_TAG, Registry
from guard_store.retraining.training_runs import TrainingRunStore
from tests.support.paths import ROOT
from tests.support.pipeline_projects import MODEL, PROJECT, force, make_project, send_days
from tests.support.pipelines import Pipelines

pytestmark = pytest.mark.timeout(900)

KEY = (PROJECT, MODEL)
# How far a run has come when it is killed: whether a version is registered, and whether it serves.
KILLS = [
    ("before", "log", False, False),
    ("after", "log", False, False),
    ("after", "register", True, False),
    ("after", "baseline", True, False),
    ("before", "alias", True, False),
    ("after", "alias", True, True),
    ("before", "finish", True, True),
]


def end_state(pipelines: Pipelines) -> dict[str, Any]:
    """All that a training leaves behind, without ids and instants."""
    registry = Registry(pipelines.settings.storage.mlflow)
    (run,) = TrainingRunStore(pipelines.database).newest(*KEY, 10)
    (flag,) = FlagStore(pipelines.database).newest(*KEY, 10)
    assert run.baseline_id is not None
    reference = PerformanceStore(pipelines.database).reference(run.baseline_id)
    assert reference is not None
    return {
        "aliases": registry.aliases(*KEY),
        "versions": [(one.version, one.tags[FLAG_TAG] == flag.id) for one in registry.versions(*KEY)],
        "flag": flag.state,
        "run": (run.state, run.model_version, run.data["sha256"], run.data["rows"]),
        "gain": (run.evaluation or {})["gain"],
        "baselines": [
            (b.version, b.active, b.sha256, b.rows) for b in BaselineStore(pipelines.database).versions(*KEY)
        ],
        "reference": reference.reference["metrics"],
        "decisions": [d.action for d in DecisionStore(pipelines.database).newest(*KEY, 10)],
    }


@pytest.mark.usefixtures("kept_instance")
def test_a_run_killed_at_any_write_is_repaired_by_the_next(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other: each next kill comes later, in the run that repairs the one before."""
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRAIN_RETRIES", "20")
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRAIN_RETRY_DELAY_S", "0")
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 10)
    pipelines.settle()
    force(pipelines.database, 10)
    registry = Registry(pipelines.settings.storage.mlflow)
    for when, place, registered, serves in KILLS:
        (request,) = pipelines.tick_retrain()
        _killed_run(request, when, place)
        assert len(registry.versions(*KEY)) == int(registered), (when, place)
        assert (CHAMPION in registry.aliases(*KEY)) is serves, (when, place)
        (run,) = pipelines.instance.get_runs(limit=1)
        pipelines.instance.report_run_failed(run)  # as the daemon does when it misses the process
        assert pipelines.tick_retrain() == []  # this look counts the failure
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success

    found = end_state(pipelines)
    assert found["aliases"] == {CHAMPION: "1"}
    assert found["versions"] == [("1", True)]
    assert found["flag"] == "done"
    assert found["run"][:2] == ("registered", "1")
    assert [baseline[:2] for baseline in found["baselines"]] == [(1, True)]
    assert found["decisions"] == ["promoted", "forced"]


@pytest.mark.usefixtures("kept_instance")
def test_a_killed_run_leads_to_the_state_that_an_undisturbed_one_leads_to(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRAIN_RETRY_DELAY_S", "0")
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 10)
    pipelines.settle()
    force(pipelines.database, 10)
    (request,) = pipelines.tick_retrain()
    _killed_run(request, "after", "register")
    (run,) = pipelines.instance.get_runs(limit=1)
    pipelines.instance.report_run_failed(run)
    assert pipelines.tick_retrain() == []
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success
    killed = end_state(pipelines)

    undisturbed = _in_another_home(tmp_path_factory, monkeypatch)
    assert killed == undisturbed


def _killed_run(request: dg.RunRequest, when: str, place: str) -> None:
    tags = [f"{name}={value}" for name, value in {**request.tags, "dagster/run_key": request.run_key}.items()]
    script = [sys.executable, "-W", "ignore", "-m", "tests.guard_pipelines.retraining.killed_training", when, place]
    died = subprocess.run([*script, request.partition_key or "", *tags], cwd=ROOT, env=os.environ, check=False)
    assert died.returncode == -signal.SIGKILL, (when, place)


def _in_another_home(folders: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("ML_GUARD_HOME", str(folders.mktemp("undisturbed")))
    settings = load_settings()
    database = Database(settings.storage.database)
    migrate(database)
    with dg.DagsterInstance.ephemeral() as instance:
        pipelines = Pipelines(database, settings, instance)
        make_project(database)
        send_days(database, 1, 10)
        pipelines.settle()
        force(database, 10)
        (request,) = pipelines.tick_retrain()
        assert pipelines.retrain(request).success
        found = end_state(pipelines)
    database.close()
    return found
