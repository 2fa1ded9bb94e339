"""`ml-guard status`: the sentence, the table and the exit code, asked of a real server."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from guard_cli.main import main
from guard_core.days import now_us
from guard_core.settings import load_settings
from guard_core.units import SECOND_US
from guard_store.auth.store import KeyStore
from guard_store.day_state.ticks import UNPROCESSED_DAYS, TickStore
from guard_store.db.database import Database
from tests.support.server import Server, free_port, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("status") / "home", knowledge_embedding_model="none") as running:
        yield running


@pytest.fixture
def database(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Point the command to the server, and open its database."""
    monkeypatch.setenv("ML_GUARD_HOME", str(server.log.parent))
    monkeypatch.setenv("ML_GUARD_PORT", server.url.rpartition(":")[2])
    database = Database(load_settings().storage.database)
    _, secret = KeyStore(database).create("status", "analyst", None)
    monkeypatch.setenv("GUARD_KEY", secret)
    yield database
    database.close()


def test_a_healthy_server_is_exit_code_0_and_a_silent_daemon_is_exit_code_1(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:3] == ["Healthy: Everything is processed; nothing waits", "", "part            state"]
    assert [line.split("  ")[0] for line in shown[3:]] == [
        "server",
        "backlog",
        "sensors",
        "failed runs",
        "queue",
        "messages",
        "knowledge base",
        "disk",
    ]
    TickStore(database).record(UNPROCESSED_DAYS, now_us() - 725 * SECOND_US)
    assert main(["status"]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "Needs attention: The Dagster daemon has been silent for 12 minutes"
    assert main(["status", "--json"]) == 1
    status = json.loads(capsys.readouterr().out)
    assert (status["is_healthy"], status["sensors"][0]["is_silent"]) == (False, True)


def test_a_wrong_key_is_refused_with_the_command_that_makes_one(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "k" * 20
    assert main(["status", "--key", key]) == 2
    error = capsys.readouterr().err
    assert "refuses the key" in error
    assert "ml-guard keys create status" in error
    assert key not in error


def test_a_server_that_is_not_there_is_exit_code_2_with_the_next_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ML_GUARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_GUARD_PORT", str(free_port()))
    assert main(["status"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be reached" in line
    assert "`ml-guard up`" in line
    assert "`ml-guard doctor`" in line
    assert not (tmp_path / "home").exists()


class _OlderServer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"problems": {}}')

    def log_message(self, *_: object) -> None:
        return


def test_a_server_of_another_version_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with HTTPServer(("127.0.0.1", 0), _OlderServer) as older:
        Thread(target=older.serve_forever, daemon=True).start()
        monkeypatch.setenv("ML_GUARD_PORT", str(older.server_port))
        assert main(["status"]) == 2
        older.shutdown()
    assert "runs another version of ML Guard" in capsys.readouterr().err
