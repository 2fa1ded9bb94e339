"""Runs of a code server begin in a process that has imported what they need; anywhere else nothing changes."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.paths import ROOT

# What Dagster's server does to start a run, without the rest of the server.
_SERVER = """
import json
import multiprocessing
from dagster._grpc.server import DagsterApiServer

server = object.__new__(DagsterApiServer)
server._mp_ctx = multiprocessing.get_context("spawn")  # as its constructor does, before it loads the code

from guard_pipelines.definitions import defs
from tests.guard_pipelines.runtime.warm_child import report

defs()

if __name__ == "__main__":
    queue, ended = server._mp_ctx.Queue(), server._mp_ctx.Event()
    run = server._mp_ctx.Process(target=report, args=(queue, ended))
    run.start()
    print(json.dumps(queue.get(timeout=100)))
    ended.set()
    run.join(20)
    assert run.exitcode == 0
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere runs are interpreters of their own")


def started_run(**settings: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _SERVER],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@linux
def test_a_run_finds_everything_imported_and_no_thread_that_a_fork_would_lose() -> None:
    run = started_run()
    assert run["imported"] == {
        "guard_pipelines.retraining.training": True,
        "mlflow.sklearn": True,
        "sklearn.ensemble": True,
    }
    assert run["threads"] == ["MainThread"]
    assert run["parent"] == "forkserver"
    assert run["trained"]


@linux
def test_runs_are_interpreters_of_their_own_where_the_operator_says_so() -> None:
    run = started_run(ML_GUARD_PIPELINES_WARM_RUNS="false")
    assert not any(run["imported"].values())
    assert run["parent"] == "server"
    assert run["trained"]
