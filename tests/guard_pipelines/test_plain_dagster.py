"""Dagster's own commands in a clone, in an empty environment, without DAGSTER_HOME and with it at the root of the repository."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from guard_cli.stack.dagster_health import dagster_is_healthy
from tests.support.paths import ROOT
from tests.support.server import free_port, wait_until

_FILES = ("dagster.yaml", "workspace.yaml", "pyproject.toml")
_LAUNCH = """mutation { launchRun(executionParams: {selector: {jobName: "retention", repositoryName: "__repository__",
  repositoryLocationName: "guard_pipelines"}}) { __typename ... on LaunchRunSuccess { run { runId } } } }"""
_RUN = """query($run: ID!) { runOrError(runId: $run) { ... on Run { status assetMaterializations { runId } } } }"""


@pytest.fixture(params=["without DAGSTER_HOME", "with DAGSTER_HOME"])
def clone(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """The root of a clone and the environment of a shell in it: PATH and HOME, and DAGSTER_HOME in one of two cases."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in _FILES:
        (folder / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    return folder, env | ({"DAGSTER_HOME": str(folder)} if request.param == "with DAGSTER_HOME" else {})


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (["definitions", "validate"], "Validation successful for code location guard_pipelines."),
        (["asset", "list", "-m", "guard_pipelines.definitions"], "drift_reports"),
    ],
)
def test_definitions_are_valid_and_assets_are_listed(
    clone: tuple[Path, dict[str, str]], command: list[str], answer: str
) -> None:
    folder, env = clone
    done = subprocess.run(
        ["dagster", *command], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0, done.stderr
    assert answer in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_dagster_dev_loads_the_code_location_and_runs_a_job(clone: tuple[Path, dict[str, str]]) -> None:
    folder, env = clone
    with _dagster_dev(folder, env) as url, httpx.Client(trust_env=False, timeout=60) as client:
        wait_until(lambda: dagster_is_healthy(client, url), "healthy", 180)
        launched = _query(client, url, _LAUNCH)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess"
        run_id = launched["run"]["runId"]
        wait_until(lambda: _status(client, url, run_id) in {"SUCCESS", "FAILURE"}, "finished", 180)
        run = _query(client, url, _RUN, {"run": run_id})["runOrError"]
        assert run["status"] == "SUCCESS"
        assert len(run["assetMaterializations"]) == 3
        (homes,) = {tuple(folder.glob("**/history/runs/index.db"))}
        assert len(homes) == 1
        assert (homes[0].parents[2] == folder) == ("DAGSTER_HOME" in env)


@contextmanager
def _dagster_dev(folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    port, log = free_port(), folder.parent / "dagster-dev.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["dagster", "dev", "-p", str(port)],
            cwd=folder, env=dict(env), stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _query(client: httpx.Client, url: str, query: str, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    data: dict[str, Any] = client.post(f"{url}/graphql", json={"query": query, "variables": variables}).json()["data"]
    return data


def _status(client: httpx.Client, url: str, run_id: str) -> str:
    return str(_query(client, url, _RUN, {"run": run_id})["runOrError"]["status"])
