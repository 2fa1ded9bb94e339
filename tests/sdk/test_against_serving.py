"""The client against the real server, in a process of its own: the contract as served, and a server killed in between."""

import asyncio
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
import pytest
from ml_guard import ApiError, BackgroundClient, DayNotProcessedError, Event, MLGuardClient
from sqlalchemy import func, select

from guard_store.alerts.facts import write_fact
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ingest.tables import events, labels
from tests.sdk.api_double import ROW
from tests.support.sample_knowledge import store_sample
from tests.support.settings import settings_of

KEY = "test-key"


class Server:
    """`ml-guard serve` over a home folder."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = Database(f"sqlite:///{home / 'guard.db'}")
        migrate(self.database)
        KeyStore(self.database).create("test", "admin", secret=KEY)
        self.home = home
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = {"ML_GUARD_HOME": str(self.home), "ML_GUARD_PORT": str(self.port)}
        settings["AWS_EC2_METADATA_DISABLED"] = "true"  # or it is asked for credentials
        with (self.home / "serving.log").open("ab") as log:
            command = [sys.executable, "-m", "guard_cli.main", "serve"]
            self._process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log)

    def end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()

    def stored(self) -> int:
        with self.database.read() as connection:
            return connection.scalar(select(func.count()).select_from(events)) or 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("serving"))
    server.start()
    yield server
    server.end(signal.SIGTERM)
    server.database.close()


@pytest.fixture(scope="module")
def real(server: Server) -> Iterator[MLGuardClient]:
    with MLGuardClient(server.url, KEY, timeout_s=10, retries=12) as client:
        assert client.health() == {"status": "ok"}
        client.create_project("p", timezone="America/New_York")
        yield client


def test_an_event_is_accepted_once(real: MLGuardClient) -> None:
    assert real.ingest_event(**ROW, event_id="once").status == "accepted"
    assert real.ingest_event(**ROW, event_id="once").status == "duplicate"


def test_a_batch_is_counted_and_its_bad_row_named(real: MLGuardClient) -> None:
    rows: list[dict[str, Any]] = [{**ROW, "event_id": "a"}, {**ROW, "y_proba": 1.5}, {**ROW, "event_id": "a"}]
    result = real.ingest_events(rows, compress=True)
    assert (result.accepted, result.duplicates, result.rejected) == (1, 1, 1)
    assert [(error.index, error.field) for error in result.errors] == [(1, "y_proba")]


def test_labels_are_counted_and_a_bad_one_named(real: MLGuardClient) -> None:
    rows = [{"project_id": "p", "event_id": "once", "y_true": 1, "observed_at": "2025-01-02T00:00:00Z"}] * 2
    rows += [{"project_id": "p", "event_id": "once", "y_true": 1, "observed_at": "2025-01-02T00:00:00"}]
    result = real.send_labels(rows)
    assert (result.accepted, result.duplicates, result.rejected) == (1, 1, 1)
    assert [(error.index, error.field) for error in result.errors] == [(2, "observed_at")]


def test_a_naive_timestamp_text_is_refused_by_the_server_with_the_fix(real: MLGuardClient) -> None:
    with pytest.raises(ApiError, match="offset") as caught:
        real.ingest_event(**ROW, timestamp="2025-01-01T00:00:00")
    assert caught.value.status == 422


def test_problems_of_the_server_keep_their_words(real: MLGuardClient, server: Server) -> None:
    with pytest.raises(ApiError, match=r"^404 Not Found: .*nothing-here"):
        real.get_project("nothing-here")
    with pytest.raises(ApiError, match=r"^409 Conflict"):
        real.create_project("p")
    with MLGuardClient(server.url, "not-a-key") as stranger, pytest.raises(ApiError, match=r"^401") as caught:
        stranger.get_project("p")
    assert "not-a-key" not in str(caught.value)


def test_a_research_comes_with_its_trace(real: MLGuardClient) -> None:
    told = real.research("data retention", ["search"], "p")
    assert [call["tool"] for call in told["audit_trace"]] == ["search", "risk_check"]
    with pytest.raises(ApiError, match="fetch needs what search finds"):
        real.research("data retention", steps=["fetch"])


def test_a_server_killed_while_a_batch_comes_in_loses_nothing_and_stores_nothing_twice(
    real: MLGuardClient, server: Server
) -> None:
    before = server.stored()
    sent = [Event(**{**ROW, "features": {"n": number}}) for number in range(30_000)]

    def kill_and_restart() -> None:
        while server.stored() == before:
            time.sleep(0.005)
        server.end(signal.SIGKILL)
        server.start()

    killer = threading.Thread(target=kill_and_restart)
    killer.start()
    result = real.ingest_events(sent)
    killer.join()
    assert result.accepted + result.duplicates == len(sent)
    assert result.rejected == 0
    assert server.stored() == before + len(sent)
    again = real.ingest_events(sent)
    assert again.duplicates == len(sent)


def test_hosts_and_server_killed_in_between_lose_no_row_that_the_spool_has_taken(
    real: MLGuardClient, server: Server, tmp_path: Path
) -> None:
    program = f"""
from ml_guard import BackgroundClient
client = BackgroundClient({server.url!r}, {KEY!r}, spool_dir={str(tmp_path)!r}, interval_s=0.05, batch_rows=50)
while True:
    event_id = client.ingest(**{ROW!r})
    print(event_id if client.label("p", event_id, 1) else "", flush=True)
"""
    returned: list[str] = []
    for rows in (50, 400, 1_000):
        host = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert host.stdout is not None
        returned += [host.stdout.readline().strip() for _ in range(rows)]
        server.end(signal.SIGKILL)
        returned += [host.stdout.readline().strip() for _ in range(rows)]
        host.send_signal(signal.SIGKILL)
        returned += [line.strip() for line in host.stdout if line.endswith("\n")]
        host.wait()
        host.stdout.close()
        server.start()
    with BackgroundClient(server.url, KEY, spool_dir=tmp_path) as client:
        deadline = time.monotonic() + 60
        while any(tmp_path.glob("*.ndjson")):
            assert time.monotonic() < deadline, client.stats
            time.sleep(0.05)
        assert (client.stats.rejected, client.stats.dropped) == (0, {})
    with server.database.read() as connection:
        event_ids = set(connection.scalars(select(events.c.event_id)))
        label_ids = set(connection.scalars(select(labels.c.event_id)))
    assert "" not in returned
    assert not set(returned) - event_ids
    assert not set(returned) - label_ids


def test_a_project_is_made_once_and_a_day_without_events_is_not_waited_for_forever(real: MLGuardClient) -> None:
    assert real.ensure_project("new", timezone="Europe/Paris")["timezone"] == "Europe/Paris"
    assert real.ensure_project("new")["timezone"] == "Europe/Paris"
    with pytest.raises(DayNotProcessedError, match="2025-01-01 is not processed: it has no events") as caught:
        real.wait_until_processed("new", "m", "2025-01-01", timeout_s=0)
    assert caught.value.state is None


def frame_rows() -> dict[str, list[Any]]:
    return {
        "ts": [f"2025-01-0{day}T12:00:00Z" for day in (1, 2, 3)],
        "event_id": ["f1", "f2", "f3"],
        "churned": [1, 0, 1],
        "y_proba": [0.9, 0.1, math.nan],
        "age": [31.0, math.nan, 33.0],
        "country": ["CA", None, "US"],
    }


@pytest.mark.parametrize("kind", ["pandas", "pandas without pyarrow", "arrow"])
def test_a_frame_is_stored_as_events_with_null_for_nan(
    real: MLGuardClient, server: Server, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = f"frames-{kind.replace(' ', '-')}"
    real.create_project(project)
    frame = pa.table(frame_rows()) if kind == "arrow" else pd.DataFrame(frame_rows(), index=[5, 7, 9])
    if kind == "pandas without pyarrow":
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    columns = {"ts": "timestamp", "churned": "y_pred"}
    for status in ("accepted", "duplicates"):
        result = real.ingest_frame(frame, columns=columns, project_id=project, model_id="m")
        assert (getattr(result, status), result.errors) == (3, ())
    query = select(events.c.y_pred, events.c.y_proba, events.c.features).where(events.c.project_id == project)
    with server.database.read() as connection:
        rows = connection.execute(query.order_by(events.c.ts_us)).all()
    assert [(row.y_pred, row.y_proba) for row in rows] == [("1", 0.9), ("0", 0.1), ("1", None)]
    features = [{name: value for name, value in json.loads(row.features).items() if value is not None} for row in rows]
    assert features == [{"age": 31, "country": "CA"}, {}, {"age": 33, "country": "US"}]


def test_the_fastapi_application_of_the_readme_reports_its_predictions(real: MLGuardClient, server: Server) -> None:
    readme = (Path(__file__).parents[2] / "sdk" / "README.md").read_text()
    (program,) = [block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "FastAPI()" in block]
    names: dict[str, Any] = {}
    exec(program.replace("http://localhost:8000", server.url).replace("demo-key", KEY), names)  # noqa: S102
    real.ensure_project("shop")
    request = {"customer": {"age": 31}}

    async def score() -> httpx.Response:
        transport = httpx.ASGITransport(names["app"])
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            return await client.post("/score", json=request)

    assert asyncio.run(score()).json() == {"label": "stays", "probability": 0.2}
    client: BackgroundClient = names["app"].user_middleware[0].kwargs["client"]
    assert client.flush(20)
    client.close()
    query = select(events.c.y_pred, events.c.y_proba, events.c.features).where(events.c.project_id == "shop")
    with server.database.read() as connection:
        (row,) = connection.execute(query).all()
    assert (json.loads(row.features), row.y_proba) == ({"age": 31}, 0.2)
    assert "stays" in row.y_pred


def test_every_route_that_reads_can_be_requested(real: MLGuardClient) -> None:
    real.ingest_event(**ROW)
    paths = real.request("GET", "/api/v1/openapi.json")["paths"]
    readable = {path: methods["get"] for path, methods in paths.items() if "get" in methods}
    assert len(readable) > 50
    statuses: dict[str, int] = {}
    for path, operation in readable.items():
        names = {**dict.fromkeys(re.findall(r"{(\w+)", path), "1"), "project_id": "p", "model_id": "m"}
        named = path.format_map(names)
        has_project = any(
            each["name"] == "project_id" and each["in"] == "query" for each in operation.get("parameters", [])
        )
        params = {"project_id": "p"} if has_project else {}
        try:
            answer = real.request("GET", named, params=params)
        except ApiError as error:
            statuses[path] = error.status
            continue
        if isinstance(answer, dict) and "items" in answer:
            assert isinstance(real.rows(named, params=params).to_frame(), pd.DataFrame)
    assert set(statuses.values()) <= {404, 422, 502, 503}, statuses
    assert len(statuses) < len(readable) / 2, statuses


def test_performance_of_a_model_without_labels_is_empty(real: MLGuardClient) -> None:
    assert real.performance("p", "m", start="2025-01-01", end="2025-01-02") == []


def test_costs_of_days_that_nobody_could_read_say_so(real: MLGuardClient) -> None:
    assert real.costs("p") == []
    pulled = real.pull_costs("p", day="2025-01-01", overwrite=True)
    assert (pulled["state"], pulled["requests"]) == ("unavailable", 0)
    assert [day["state"] for day in real.costs("p", start="2025-01-01", end="2025-01-01")] == ["unavailable"]
    assert [day["costs"] for day in real.unit_costs("p")] == [[]]
    assert real.cost_forecast("p", day="2025-01-01")["items"] == []
    with pytest.raises(ApiError, match="name either a day"):
        real.pull_costs("p", day="2025-01-01", start="2025-01-01", end="2025-01-02")


@pytest.fixture
def patient(real: MLGuardClient, server: Server) -> Iterator[MLGuardClient]:
    """A client that waits while the server loads its model."""
    with MLGuardClient(server.url, KEY, timeout_s=60) as client:
        yield client


def test_a_question_is_answered_from_the_knowledge_base_with_quotes(patient: MLGuardClient, server: Server) -> None:
    assert patient.query("What is GDPR?")["retrieval"] == "empty"
    store_sample(settings_of(home=server.home))
    deadline = time.monotonic() + 60
    while (told := patient.query("What is GDPR?", project_id="p", top_k=3))["retrieval"] == "empty":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert told["citations"][0]["quote"] in told["answer"]
    assert all(citation["verified"] for citation in told["citations"])
    assert patient.query("Who painted the Mona Lisa?", grounded=True)["declined"]


def test_alerts_are_listed_read_and_acknowledged(real: MLGuardClient, server: Server) -> None:
    with server.database.write() as connection:
        write_fact(
            connection,
            "p",
            "m",
            kind="drift",
            dedup_key="drift/p/m",
            severity="warning",
            message="Drift in x.",
            details={"policy": "drift"},
            request_id=None,
            subject="policy/drift/drift",
            day="2013-03-01",
        )
    deadline = time.monotonic() + 30
    while not (found := real.alerts(project_id="p", state="open")):
        assert time.monotonic() < deadline, "the server has folded nothing"
        time.sleep(0.2)
    (alert,) = found
    assert (alert["kind"], alert["model_id"]) == ("drift", "m")
    assert real.acknowledge_alert(alert["id"], "I look at it")["acknowledged_reason"] == "I look at it"
    assert [step["action"] for step in real.alert(alert["id"])["history"]] == ["opened", "acknowledged"]
    assert real.alerts(project_id="p", severity="critical") == []
