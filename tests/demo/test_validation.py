"""`validation.sh` against a real stack: it passes on a good one, and fails with one line on any other."""

import os
import re
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from ml_guard import MLGuardClient

from demo.validation import ValidationFailedError, check_drift, generate_events, generate_labels, main
from tests.support.paths import ROOT
from tests.support.server import environment, free_port, ml_guard, serving

DAYS = [date(2013, 1, 1) + timedelta(days=number) for number in range(7)]


def run_validation(**variables: object) -> subprocess.CompletedProcess[str]:
    """Run the script with the interpreter of the tests."""
    environment = {**os.environ, **{f"VALIDATION_{name.upper()}": str(value) for name, value in variables.items()}}
    return subprocess.run(
        [ROOT / "validation.sh"], env=environment, capture_output=True, text=True, check=False, timeout=400
    )


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """The address of a server after `make up`."""
    port = free_port()
    env = environment(tmp_path / "home", port=port, dagster_port=free_port(), pipelines_interval_s=1)
    up = ml_guard("up", "--detach", env=env, cwd=tmp_path)
    try:
        assert up.returncode == 0, up.stderr
        yield f"http://127.0.0.1:{port}"
    finally:
        ml_guard("down", env=env, cwd=tmp_path)


@pytest.mark.timeout(900)
def test_passes_twice_on_a_running_stack_and_leaves_only_projects_without_alerts_and_flags(url: str) -> None:
    for _ in range(2):
        done = run_validation(url=url)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[-1] == "validation passed"
        assert "amount has drifted" in done.stdout
    projects = re.findall(r"^project: (\S+)$", done.stdout, re.MULTILINE)
    with MLGuardClient(url, "demo-key") as client:
        (project_id,) = projects
        assert "can be ignored" in client.get_project(project_id)["name"]
        assert client.flags(project_id, "generated") == []
        assert client.alerts() == []
        assert {item["realised"] is not None for item in client.performance(project_id, "generated")} == {True}


@pytest.mark.timeout(300)
def test_fails_in_time_with_one_line_where_no_pipelines_run(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = ml_guard("keys", "create", "first", "--role", "admin", env=environment(home), cwd=tmp_path)
    with serving(home) as server:
        done = run_validation(url=server.url, api_key=made.stdout.strip(), timeout_s=3)
        wrong_key = run_validation(url=server.url, api_key="wrong")
    assert done.returncode == wrong_key.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("validation failed: ")
    assert "do Dagster's daemon and its sensor unprocessed_days run?" in line
    (line,) = wrong_key.stderr.splitlines()
    assert "401" in line


def test_fails_with_one_line_where_no_server_listens() -> None:
    done = run_validation(url=f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("validation failed: ")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"VALIDATION_URL": "no address"}, "VALIDATION_URL: 'no address' does not look like http://host:port"),
        ({"VALIDATION_TIMEOUT_S": "soon"}, "VALIDATION_TIMEOUT_S: 'soon' is not a whole number of seconds"),
        ({"VALIDATION_API_KEY_FILE": "/nowhere/key"}, "VALIDATION_API_KEY_FILE: /nowhere/key: No such file"),
    ],
)
def test_names_the_variable_that_is_wrong(
    variables: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(variables) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_only_one_feature_is_shifted_and_only_on_the_last_day() -> None:
    events = list(generate_events("p", DAYS))
    assert events == list(generate_events("p", DAYS))
    means = {
        (day, name): sum(event["features"][name] for event in rows) / len(rows)
        for day, rows in ((day, [event for event in events if event["timestamp"][:10] == str(day)]) for day in DAYS)
        for name in ("amount", "age")
    }
    assert {day for day in DAYS if abs(means[day, "amount"] - 100) > 5} == {DAYS[-1]}
    assert all(abs(means[day, "age"] - 40) < 2 for day in DAYS)
    assert [label["event_id"] for label in generate_labels(events)] == [event["event_id"] for event in events]


def _report(states: dict[str, str]) -> dict[str, Any]:
    drifted = [name for name, state in states.items() if state == "drift"]
    return {
        "day": "2013-01-07",
        "drifted": drifted,
        "features": {name: {"state": state} for name, state in states.items()},
    }


STABLE = {"amount": "stable", "age": "stable", "country": "stable"}


@pytest.mark.parametrize(
    ("states", "expected", "message"),
    [
        (STABLE, ["amount"], "expected amount, reported nothing"),
        (STABLE | {"amount": "drift", "age": "drift"}, ["amount"], "expected amount, reported amount and age"),
        (STABLE | {"age": "drift"}, [], "expected nothing, reported age"),
        (STABLE | {"age": "insufficient_data"}, [], "not every feature was judged"),
        ({"amount": "drift"}, ["amount"], "not every feature was judged"),
    ],
)
def test_refuses_a_drift_report_with_other_verdicts(states: dict[str, str], expected: list[str], message: str) -> None:
    with pytest.raises(ValidationFailedError, match=message):
        check_drift(_report(states), drifted=expected)


def test_accepts_a_drift_report_with_the_expected_verdicts() -> None:
    check_drift(_report(STABLE | {"amount": "drift"}), drifted=["amount"])
    check_drift(_report(STABLE | {"age": "warning"}), drifted=[])
