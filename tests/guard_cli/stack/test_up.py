"""`ml-guard up` and `down`: the real stack on a fresh home, and exactly that stopped again."""

import os
import re
import signal
import socket
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from pydantic import SecretStr

from guard_cli.main import main
from guard_cli.stack import stack
from guard_cli.stack.processes import ProcessGroup, is_running, start, stop
from guard_cli.stack.watching import _Watched, watch
from guard_cli.terminal import CommandError
from guard_core.settings import load_settings
from tests.support.paths import ROOT
from tests.support.server import environment, free_port, ml_guard, wait_until
from tests.support.settings import settings_of, with_values


@pytest.mark.timeout(900)
def test_up_starts_everything_healthy_with_the_demo_key_and_down_stops_it(tmp_path: Path) -> None:
    port, dagster_port, mlflow_port = free_port(), free_port(), free_port()
    env = environment(tmp_path / "home", port=port, dagster_port=dagster_port, mlflow_ui=True, mlflow_port=mlflow_port)
    up = ml_guard("up", "--detach", env=env, cwd=tmp_path)
    try:
        assert up.returncode == 0, up.stderr
        link = re.search(rf"Pages    (http://127\.0\.0\.1:{port}/sign-in/link\?token=\S+)", up.stdout)
        assert link is not None, up.stdout
        with httpx.Client(follow_redirects=True) as browser:
            page = browser.get(link[1])
            assert (page.status_code, page.url.path) == (200, "/"), "it opens the overview, signed in"
        assert f"http://127.0.0.1:{dagster_port}" in up.stdout
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/keys", headers={"X-API-Key": "demo-key"})
        assert [key["role"] for key in answer.json()["items"]] == ["admin"]
        knowledge = httpx.get(f"http://127.0.0.1:{port}/api/v1/knowledge", headers={"X-API-Key": "demo-key"}).json()
        assert (knowledge["retrieval"], len(knowledge["sources"])) == ("hybrid", 4), up.stderr
        (dagster,) = [one for one in stack.recorded(tmp_path / "home") if one.name == "dagster"]
        below = psutil.Process(dagster.pid).children(recursive=True)
        warm = [one for one in below if "multiprocessing.forkserver" in " ".join(one.cmdline())]
        assert bool(warm) == (sys.platform == "linux"), "the knowledge base was built by a run that was a fork"
        query = {"query": "{ instance { daemonHealth { allDaemonStatuses { required healthy } } } }"}
        health = httpx.post(f"http://127.0.0.1:{dagster_port}/graphql", json=query).json()
        statuses = health["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
        assert all(status["healthy"] for status in statuses if status["required"])
        assert f"http://127.0.0.1:{mlflow_port}" in up.stdout
        wait_until(lambda: _answers(f"http://127.0.0.1:{mlflow_port}/health"), "MLflow's pages", 120)
        _check_restart(tmp_path / "home", port, dagster_port)
        again = ml_guard("up", "--detach", env=env, cwd=tmp_path)
        assert again.returncode == 2
        assert "ml-guard down" in again.stderr
    finally:
        down = ml_guard("down", env=env, cwd=tmp_path)
    assert down.stdout == "stopped watcher, serving, dagster, mlflow\n"
    assert not (tmp_path / "home" / "up.json").exists()
    assert not [one for one in below if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    for stopped in (port, dagster_port, mlflow_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", stopped)) != 0


def test_up_says_which_port_is_taken_and_starts_nothing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env = environment(tmp_path / "home", port=free_port(), dagster_port=port)
        done = ml_guard("up", "--detach", env=env, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"ml-guard: port {port} is taken: stop what listens there, or set ML_GUARD_DAGSTER_PORT\n"
    assert not (tmp_path / "home" / "up.json").exists()


def test_mlflow_has_pages_only_where_its_store_is_local_and_they_are_wanted() -> None:
    assert "mlflow" in stack._commands(settings_of())
    assert "mlflow" not in stack._commands(settings_of(mlflow_ui=False))
    assert "mlflow" not in stack._commands(settings_of(mlflow_url="https://mlflow.example.com"))


def test_up_makes_no_demo_key_for_an_open_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ML_GUARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_GUARD_HOST", "0.0.0.0")  # noqa: S104 - that it is refused is the test
    monkeypatch.setenv("ML_GUARD_PORT", str(free_port()))
    monkeypatch.setenv("ML_GUARD_DAGSTER_PORT", str(free_port()))
    monkeypatch.setenv("ML_GUARD_MLFLOW_PORT", str(free_port()))
    assert main(["up", "--detach"]) == 2
    assert "no admin key" in capsys.readouterr().err
    main(["keys", "list"])
    assert "demo" not in capsys.readouterr().out


def test_the_started_processes_have_the_same_settings_whatever_their_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fallback = {"base_url": "http://127.0.0.1:9/v1", "api_key": "secret", "model": "small"}
    given = settings_of(
        home=tmp_path / "home",
        audit_key="seed",
        llm_fallbacks=(fallback,),
        llm_prices={"small": {"input": 0.5, "output": 2}},
        llm_policies=Path("policies.yaml"),
        retention_log_days=90,
    )
    for name, value in stack.prepare_environment(given, given.storage.home).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir("/")
    placed = {
        "lake_url": given.storage.lake,
        "knowledge_url": given.knowledge.location,
        "database_url": SecretStr(given.storage.database),
        "llm_policies": tmp_path / "policies.yaml",
    }
    assert load_settings() == with_values(given, **placed)


def test_down_says_that_nothing_was_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ML_GUARD_HOME", str(tmp_path / "home"))
    assert main(["down"]) == 0
    assert capsys.readouterr().out == "nothing was up\n"


def test_a_process_is_recognised_by_when_it_started_and_others_are_left_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = start("sleeper", command, env=os.environ, folder=tmp_path, log=tmp_path / "log")
    impostor = ProcessGroup(process.name, process.pid, "0")
    try:
        assert is_running(process)
        assert not is_running(impostor)
        stop([impostor], timeout_s=5)
        assert is_running(process)
    finally:
        stop([process], timeout_s=5)
    assert not is_running(process)


def test_stopping_takes_the_children_too_even_those_that_do_not_listen(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    parent = f"import subprocess, sys, time; c = subprocess.Popen([sys.executable, '-c', {deaf!r}]); print(c.pid, flush=True); time.sleep(600)"
    log = tmp_path / "log"
    process = start("parent", [sys.executable, "-c", parent], env=os.environ, folder=ROOT, log=log)
    while "deaf" not in log.read_text():
        time.sleep(0.05)
    child = int(log.read_text().split()[0])
    stop([process], timeout_s=5)
    assert not is_running(process)
    deadline = time.monotonic() + 5
    while _is_alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _check_restart(home: Path, port: int, dagster_port: int) -> None:
    """Kill Dagster: it is started again, and the server is not."""
    before = {one.name: one for one in stack.recorded(home)}
    os.killpg(before["dagster"].pid, signal.SIGKILL)
    wait_until(lambda: not is_running(before["dagster"]), "dead")
    assert _answers(f"http://127.0.0.1:{port}/readyz")
    wait_until(lambda: _answers(f"http://127.0.0.1:{dagster_port}/server_info"), "started again", 120)
    after = {one.name: one for one in stack.recorded(home)}
    assert after.keys() == before.keys()
    assert is_running(after["dagster"])
    assert after["serving"] == before["serving"]


def test_the_pauses_before_starts_grow_until_a_process_runs_steadily(tmp_path: Path) -> None:
    watched = _Watched(ProcessGroup("dagster", 1, "1"), started_at=0.0)
    assert [watched.plan_start(1.0) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert watched.plan_start(301.0) == 1


def test_a_server_that_ends_ends_the_command(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "serving.log").write_text("the last words")
    ended = ProcessGroup("serving", 2**22 + 1, "1")
    with pytest.raises(CommandError, match=r"serving ended; the end of its log:\nthe last words"):
        watch(settings_of(home=tmp_path), tmp_path, [ended], restarted={"dagster"})


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]
