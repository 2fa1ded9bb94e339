"""`ml-guard doctor`: each part that is wrong is a problem with its fix, on real parts; nothing secret is shown, nothing is changed."""

import asyncio
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guard_cli.doctor.check import problem, run_check
from guard_cli.doctor.command import CHECKS, examine
from guard_cli.main import main
from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_store.day_state.ticks import UNPROCESSED_DAYS, TickStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from tests.support.qdrant_server import API_KEY, qdrant_server
from tests.support.server import free_port
from tests.support.settings import settings_of
from tests.support.upstream import KEY, Upstream, running

_DEAD = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ML_GUARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_GUARD_PORT", str(free_port()))
    monkeypatch.setenv("ML_GUARD_DAGSTER_PORT", str(free_port()))
    monkeypatch.setenv("ML_GUARD_MLFLOW_PORT", str(free_port()))


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run one check with some variables set."""

    def examine_one(name: str, **variables: str) -> Any:
        for variable, value in variables.items():
            monkeypatch.setenv(f"ML_GUARD_{variable}", value)
        monkeypatch.setattr("guard_cli.doctor.command.CHECKS", {name: CHECKS[name]})
        outcomes = examine()
        return outcomes.get(name, outcomes["settings"])

    return examine_one


def test_before_the_first_start_nothing_is_a_problem_and_nothing_is_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("No problem found\n")
    assert "not there yet: the first start creates it" in shown
    assert main(["doctor", "--json"]) == 0
    outcomes = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(outcomes) == ["settings", *CHECKS]
    assert outcomes["embedding model"]["state"] == "ok"
    assert all(row["fix"] is None for row in outcomes.values())
    assert not (tmp_path / "home").exists()


def test_all_unknown_and_all_invalid_settings_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ML_GUARD_PORT", "x")
    monkeypatch.setenv("ML_GUARD_WORKERS", "0")
    assert main(["doctor"]) == 1
    assert "ML_GUARD_PORT: must be a whole number; ML_GUARD_WORKERS: must be above 0" in capsys.readouterr().out
    monkeypatch.setenv("ML_GUARD_COLOUR", "red")
    monkeypatch.setenv("ML_GUARD_BEER", "pale")
    assert main(["doctor"]) == 1
    assert "ML_GUARD_BEER, ML_GUARD_COLOUR are not settings of ML Guard" in capsys.readouterr().out


def test_a_problem_is_exit_code_1_with_its_fix_below_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ML_GUARD_ALERT_ROUTES", '{"oncall": "webhook+http://"}')
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("1 problem: alert routes\n")
    assert shown.endswith("\nalert routes: correct ML_GUARD_ALERT_ROUTES\n")


def test_the_schema_of_another_version_is_a_problem(examined: Callable[..., Any], empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with database.read() as connection:
        connection.exec_driver_sql("SELECT 1")  # creates the file of SQLite
    outcome = examined("database", DATABASE_URL=empty_database_url)
    assert (outcome.state, outcome.fix) == ("problem", "run `ml-guard migrate`")
    migrate(database)
    database.close()
    assert examined("database").state == "ok"


@pytest.mark.parametrize(
    ("name", "variables", "setting"),
    [
        ("database", {"DATABASE_URL": "postgresql://guard:hunter2@127.0.0.1:9/guard"}, "ML_GUARD_DATABASE_URL"),
        ("MLflow", {"MLFLOW_URL": "http://user:hunter2@127.0.0.1:9"}, "ML_GUARD_MLFLOW_URL"),
        (
            "Qdrant",
            {"KNOWLEDGE_QDRANT_URL": _DEAD},
            "ML_GUARD_KNOWLEDGE_QDRANT_URL",
        ),
        ("language models", {"LLM_BASE_URL": _DEAD, "LLM_API_KEY": "hunter2"}, "ML_GUARD_LLM_BASE_URL"),
    ],
)
def test_a_server_that_does_not_answer_is_a_problem_without_its_secret(
    examined: Callable[..., Any], name: str, variables: dict[str, str], setting: str
) -> None:
    outcome = examined(name, **variables)
    assert outcome.state == "problem"
    assert setting in outcome.fix
    assert "hunter2" not in f"{outcome}"


async def test_a_key_that_the_server_of_language_models_refuses_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(Upstream()) as server:
        settings = settings_of(llm_base_url=server.url, llm_api_key="wrong")
        outcome = await asyncio.to_thread(run_check, CHECKS["language models"], settings)
        assert outcome.state == "problem"
        assert "refuses the guard's own key (401)" in outcome.detail
        settings = settings_of(llm_base_url=server.url, llm_api_key=KEY)
        assert (await asyncio.to_thread(run_check, CHECKS["language models"], settings)).state == "ok"


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection:UserWarning")
def test_a_key_that_qdrant_refuses_is_a_problem_that_names_the_key_and_not_the_address(
    examined: Callable[..., Any],
) -> None:
    with qdrant_server() as server:
        variables = {"KNOWLEDGE_QDRANT_URL": server.url, "KNOWLEDGE_QDRANT_API_KEY": "wrong"}
        outcome = examined("Qdrant", **variables)
        assert (outcome.state, outcome.detail) == ("problem", "127.0.0.1: Qdrant refuses the key (401)")
        assert outcome.fix == "correct ML_GUARD_KNOWLEDGE_QDRANT_API_KEY"
        assert examined("Qdrant", **{**variables, "KNOWLEDGE_QDRANT_API_KEY": API_KEY}).state == "ok"


def test_the_lake_is_written_and_read_and_left_as_it_was(examined: Callable[..., Any], tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    assert examined("lake", LAKE_URL=str(lake)).state == "ok"
    assert list(lake.iterdir()) == []
    file = tmp_path / "file"
    file.touch()
    outcome = examined("lake", LAKE_URL=str(file))
    assert (outcome.state, "ML_GUARD_LAKE_URL" in outcome.fix) == ("problem", True)


def test_a_home_below_a_file_is_a_problem(examined: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outcome = examined("home folder", HOME=str(tmp_path / "file" / "home"))
    assert (outcome.state, "ML_GUARD_HOME" in outcome.fix) == ("problem", True)


@pytest.mark.parametrize(
    ("name", "setting"), [("server", "PORT"), ("Dagster", "DAGSTER_PORT"), ("MLflow's pages", "MLFLOW_PORT")]
)
def test_a_port_that_something_else_has_is_a_problem(examined: Callable[..., Any], name: str, setting: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # does not listen: a connection is refused at once
        outcome = examined(name, **{setting: str(taken.getsockname()[1])})
    assert outcome.state == "problem"
    assert f"set ML_GUARD_{setting}" in outcome.fix


def test_a_silent_daemon_is_a_problem(examined: Callable[..., Any], tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'home' / 'guard.db'}")
    migrate(database)
    TickStore(database).record(UNPROCESSED_DAYS, now_us())
    assert examined("daemon").state == "ok"
    TickStore(database).record(UNPROCESSED_DAYS, now_us() - 700 * SECOND_US)
    database.close()
    assert examined("daemon").state == "problem"


def test_a_clock_behind_what_is_stored_is_a_problem(examined: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "home" / "guard.db"
    file.parent.mkdir()
    file.touch()
    assert examined("clock").state == "ok"
    os.utime(file, (time.time() + 7_200, time.time() + 7_200))
    outcome = examined("clock")
    assert outcome.state == "problem"
    assert "7,200 s behind" in outcome.detail


def test_an_unexpected_error_of_a_check_is_a_problem_without_its_text() -> None:
    def fail(_: Settings) -> Any:
        raise RuntimeError("postgresql://guard:hunter2@db/guard")

    expected = problem("cannot be checked (RuntimeError)", "report it as a fault of ML Guard")
    assert run_check(fail, settings_of()) == expected
