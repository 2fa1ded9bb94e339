"""The demo itself, as a person runs it: real processes, real ports, a home of its own."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT
from tests.support.server import free_port


def run_demo(home: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    command = [sys.executable, "-m", "demo", "--home", str(home), *arguments]
    environment = {**os.environ, "ML_GUARD_PIPELINES_INTERVAL_S": "5", "ML_GUARD_MLFLOW_PORT": str(free_port())}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done, json.loads((home / "demo.json").read_text())


@pytest.fixture(scope="module")
def ports() -> list[str]:
    return ["--port", str(free_port()), "--dagster-port", str(free_port())]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.mark.timeout(900)
def test_three_weeks_of_flights_pass_through_everything(home: Path, ports: list[str]) -> None:
    done, summary = run_demo(home, "--days", "21", *ports)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (summary["ok"], summary["failures"]) == (True, [])
    assert summary["sent"] == summary["accepted"] == 12_208
    assert (summary["duplicate"], summary["rejected"], summary["days_materialised"]) == (0, 0, 21)
    assert list(summary["seconds"]) == ["prepare", "start", "first", "replay", "compare", "calls", "verify"]
    (month,) = summary["months"]
    assert (month["month"], month["flights"], month["versions"]) == ("2013-01", 6_018, ["1"])
    # Nobody has replaced the first model yet: what the server has answered is what the model says here.
    assert month["roc_auc"]["guarded"] == month["roc_auc"]["static"]
    assert 0.55 < month["roc_auc"]["static"]["value"] < 0.75
    assert abs(month["realised"] - month["estimated"]) < 0.1
    assert summary["calls"]["ada"] == {"200": 184}
    assert summary["calls"]["grace"]["429"] == 5
    assert "January model" in done.stdout
    assert "feature" in done.stdout
    assert "temp" in done.stdout
    assert "\x1b" not in done.stdout
    assert not (home / "up.json").exists()


@pytest.mark.timeout(900)
def test_again_sends_only_duplicates_and_changes_no_number(home: Path, ports: list[str]) -> None:
    before = json.loads((home / "demo.json").read_text())
    done, summary = run_demo(home, "--days", "21", *ports)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (summary["accepted"], summary["duplicate"]) == (0, before["sent"])
    unchanged = ("sent", "rejected", "days_materialised", "first_drift_day", "months")
    assert {name: summary[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert "what was sent then is a duplicate now" in done.stdout


def test_a_taken_port_ends_it_with_the_name_of_the_setting(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done, summary = run_demo(tmp_path, "--days", "4", "--port", port, "--dagster-port", str(free_port()))
    assert done.returncode == 1
    assert f"port {port} is taken" in summary["failures"][0]
    assert "ML_GUARD_PORT" in done.stdout
