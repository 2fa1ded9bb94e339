"""`ml-guard serve` as a real process: its address, its logs, its workers' metrics, its end."""

import json
import os
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from guard_cli.main import main
from guard_core.days import now_us
from guard_core.units import DAY_US
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ledger.entry import Entry
from guard_store.ledger.store import LedgerFilter, LedgerStore
from tests.support.server import environment, free_port, http, ml_guard, serving, wait_until

_COUNT = re.compile(r'^ml_guard_http_requests_total\{method="GET",route="/healthz",status="200"\} (\S+)$', re.MULTILINE)


def test_one_process_serves_logs_json_and_ends_at_once_when_told(tmp_path: Path, empty_database_url: str) -> None:
    with serving(tmp_path / "home", database_url=empty_database_url) as server:
        answer = http.get(f"{server.url}/healthz", headers={"X-Request-ID": "find-me"})
        assert answer.json() == {"status": "ok"}
        assert "server" not in answer.headers
        metrics = http.get(f"{server.url}/metrics")
        assert metrics.status_code == 200
        assert metrics.headers["content-type"].startswith("text/plain")
        assert float(_COUNT.findall(metrics.text)[0]) == 1.0
        assert 'route="unknown"' not in metrics.text
        http.get(f"{server.url}/some/made/up/path")
        assert 'route="unknown",status="404"' in http.get(f"{server.url}/metrics").text
    assert server.process.returncode in {0, -signal.SIGTERM}  # uvicorn ends in order, then passes the signal on
    assert "Application shutdown complete." in server.log.read_text()
    lines = [json.loads(line) for line in server.lines()]
    assert [line["status"] for line in lines if line["request_id"] == "find-me"] == [200]
    assert empty_database_url not in server.log.read_text()


def test_a_start_deletes_rows_of_the_ledger_older_than_the_retention(tmp_path: Path, empty_database_url: str) -> None:
    database = Database(empty_database_url)
    migrate(database)
    ledger = LedgerStore(database, None)
    for age_days in (40, 31, 29, 1):
        at_us = now_us() - age_days * DAY_US
        ledger.append([Entry(at_us=at_us, route="/query", method="POST", status=200, request_id=f"{age_days} days")])
    with serving(tmp_path / "home", database_url=empty_database_url, retention_log_days=30):
        rows = ledger.page(LedgerFilter(), None, 10)
        verification = ledger.verify()
    database.close()
    assert [row.request_id for row in rows if row.route == "/query"] == ["1 days", "29 days"]
    assert (verification.ok, verification.first_seq) == (True, 3)


def test_metrics_are_those_of_all_workers_also_after_one_was_killed(tmp_path: Path, postgresql_url: str) -> None:
    home = tmp_path / "home"
    with serving(home, database_url=postgresql_url, workers=2) as server:
        key = _key(postgresql_url)
        asked = 0

        def ask() -> None:
            nonlocal asked
            http.get(f"{server.url}/healthz").raise_for_status()
            asked += 1

        def tried(ask: Callable[[], None]) -> bool:
            try:
                ask()
            except httpx.TransportError:  # it met the worker that was killed
                return False
            return True

        def workers() -> set[int]:
            files = home.glob("metrics-*/counter_*.db")
            return {int(path.stem.rpartition("_")[2]) for path in files}

        while len(workers()) < 2 or asked < 40:
            ask()
            assert asked < 2_000, "one worker answers everything"
        assert _requests(server.url) == {float(asked)}
        for number in range(20):
            http.post(f"{server.url}/api/v1/projects", json={"id": f"p{number}", "name": "p"}, headers=key)
            _send(server.url, key, f"p{number}")
        killed = max(workers())
        os.kill(killed, signal.SIGKILL)
        before = len(workers())
        wait_until(lambda: tried(ask) and len(workers()) > before, "replaced")
        assert _requests(server.url) == {float(asked)}
        assert not list(home.glob(f"metrics-*/gauge_live*_{killed}.db"))
        gauge = re.findall(r"^ml_guard_event_queue_rows (\S+)$", http.get(f"{server.url}/metrics").text, re.MULTILINE)
        assert len(gauge) <= 1
        stored = re.findall(r"^ml_guard_results_up (\S+)$", http.get(f"{server.url}/metrics").text, re.MULTILINE)
        assert stored == ["1.0"], "gauges of stored results are not added up over workers"
    assert not list(home.glob("metrics-*")), "the folder of the workers' metrics is left behind"


def test_workers_end_with_the_process_that_started_them_however_that_ends(tmp_path: Path) -> None:
    with serving(tmp_path / "home", workers=2) as server:
        server.process.kill()
        server.process.wait()
        wait_until(lambda: not _answers(server.url), "gone")


def _answers(url: str) -> bool:
    try:
        http.get(f"{url}/healthz")
    except httpx.TransportError:
        return False
    return True


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = ml_guard("serve", env=environment(tmp_path, port=port), cwd=tmp_path)
    assert done.returncode == 2
    assert f"port {port} is taken" in _last_line(done.stderr)
    assert "ML_GUARD_PORT" in _last_line(done.stderr)


def test_an_open_address_wants_an_admin_key_first_and_says_how(tmp_path: Path) -> None:
    env = environment(tmp_path, host="0.0.0.0", port=free_port())  # noqa: S104 - that it is refused is the test
    done = ml_guard("serve", env=env, cwd=tmp_path)
    assert done.returncode == 2
    assert "ml-guard keys create first --role admin" in _last_line(done.stderr)
    assert ml_guard("keys", "create", "first", "--role", "admin", env=env, cwd=tmp_path).returncode == 0
    with serving(tmp_path, host="0.0.0.0") as server:  # noqa: S104
        assert http.get(f"{server.url}/api/v1/health").is_success


@pytest.mark.parametrize(("arguments", "variable"), [([], "many"), (["--port", "0"], "8000")])
def test_a_wrong_setting_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], variable: str
) -> None:
    monkeypatch.setenv("ML_GUARD_PORT", variable)
    assert main(["serve", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "ML_GUARD_PORT" in error


def _requests(url: str) -> set[float]:
    # From both workers' mouths: each new connection may reach another one.
    return {float(count) for _ in range(10) for count in _COUNT.findall(http.get(f"{url}/metrics").text)}


def _key(url: str) -> dict[str, str]:
    database = Database(url)
    migrate(database)
    _, secret = KeyStore(database).create("k", "admin")
    database.close()
    return {"X-API-Key": secret}


def _send(url: str, key: dict[str, str], project_id: str) -> None:
    event = {
        "project_id": project_id,
        "model_id": "m",
        "timestamp": "2013-01-01T12:00:00Z",
        "latency_ms": 1,
        "y_pred": 1,
        "features": {},
    }
    http.post(f"{url}/api/v1/events", json=event, headers=key).raise_for_status()


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


@pytest.mark.usefixtures("_logging_as_before")
def test_a_wrong_prompt_or_signing_key_stops_the_start_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ML_GUARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_GUARD_AUDIT_KEY", "short")
    assert main(["serve"]) == 2
    assert "ML_GUARD_AUDIT_KEY: must be 32 random bytes" in capsys.readouterr().err.splitlines()[-1]
    monkeypatch.delenv("ML_GUARD_AUDIT_KEY")
    (tmp_path / "bad.yaml").write_text("name: bad")
    monkeypatch.setattr("serving.gateway.prompts.book.default_folder", lambda: tmp_path)
    assert main(["serve"]) == 2
    assert "prompts: bad.yaml: version: is missing" in capsys.readouterr().err.splitlines()[-1]
