"""Nothing is answered that is not on the ledger: every route, every caller, with the hashes of what was said."""

import asyncio
import hashlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.ledger.store import LedgerStore
from guard_store.projects.store import ProjectStore
from serving.app import Services
from serving.assistant.tools.executor import METHOD
from serving.audit.exempt import EXEMPT
from tests.support.api import call_route, read_documented_routes
from tests.support.clients import Clients
from tests.support.ledger import read_ledger
from tests.support.server import serving

JSON = {"Content-Type": "application/json"}
EVENT: dict[str, Any] = {
    "project_id": "flights", "model_id": "m", "timestamp": "2013-01-01T12:00:00Z", "latency_ms": 1, "y_pred": 1, "features": {},
}  # fmt: skip


def requests(services: Services) -> list[dict[str, Any]]:
    """Rows of requests; the calls of tools that a research makes have rows of their own."""
    return [row for row in read_ledger(services) if row["method"] != METHOD]


async def test_every_route_of_every_caller_is_on_record_and_the_chain_is_whole(
    clients: Clients, anonymous: httpx.AsyncClient, project: str
) -> None:
    callers = {None: anonymous, "guest": clients.of("guest"), "admin": clients.of("admin")}
    probes = 0
    for route in read_documented_routes():
        for client in callers.values():
            before = len(requests(clients.services))
            status = await call_route(client, route, project)
            after = requests(clients.services)
            if route.path in EXEMPT:
                assert len(after) == before, route
                probes += 1
            elif status == 503:
                assert route.path.endswith("predict")
            else:
                assert len(after) == before + 1, (route, status)
                assert after[0]["route"] == route.path
                aggregated = "requests" in json.loads(after[0]["details"])
                assert after[0]["status"] == (200 if aggregated else status)
    assert probes == len(EXEMPT) * len(callers)
    found = clients.services.audit.store.verify()
    assert found.ok, found.problem


async def test_a_row_has_the_caller_and_the_hashes_of_both_bodies_but_not_the_bodies(
    clients: Clients, services: Services
) -> None:
    client = clients.of("admin")
    body = b'{"name": "Confidential"}'
    answer = await client.post("/api/v1/projects", content=body, headers={"X-Request-ID": "traced", **JSON})
    row = read_ledger(services, request_id="traced")[0]
    assert row["request_hash"] == hashlib.sha256(body).hexdigest()
    assert row["response_hash"] == hashlib.sha256(answer.content).hexdigest()
    assert (row["status"], row["role"], row["method"]) == (201, "admin", "POST")
    assert services.keys.get(row["key_id"]) is not None
    assert "Confidential" not in json.dumps(row)


async def test_a_row_has_the_path_as_called_where_its_route_has_parameters(
    clients: Clients, services: Services, project: str
) -> None:
    admin = clients.of("admin")
    for path in (f"/api/v1/projects/{project}?unused=1", "/api/v1/lineage/a%2Fb~c/1", "/api/v1/projects"):
        await admin.get(path)
    rows = [(row["route"], json.loads(row["details"])) for row in reversed(read_ledger(services))]
    assert rows == [
        ("/api/v1/projects/{project_id}", {"path": f"/api/v1/projects/{project}"}),
        ("/api/v1/lineage/{trace_id}", {"path": "/api/v1/lineage/a/b~c/1"}),
        ("/api/v1/projects", {}),
    ]
    assert services.audit.store.verify().ok


async def test_events_are_on_record_once_a_batch_with_their_counts(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    batch = [{**EVENT, "event_id": f"e{n}"} for n in (1, 2, 2)] + [{**EVENT, "latency_ms": "x"}]
    await analyst.post("/api/v1/events/batch", json=batch)
    (row,) = read_ledger(services)
    assert row["project_id"] == project
    counts = json.loads(row["details"])
    assert (counts["requests"], counts["accepted"], counts["duplicates"], counts["rejected"]) == (1, 2, 1, 1)


async def test_single_events_of_one_transaction_share_a_row_and_none_is_lost(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    sent = [analyst.post("/api/v1/events", json={**EVENT, "event_id": f"e{n}"}) for n in range(60)]
    assert {answer.status_code for answer in await asyncio.gather(*sent)} == {201}
    found = [json.loads(row["details"]) for row in read_ledger(services, route="/api/v1/events")]
    assert sum(one["requests"] for one in found) == sum(one["accepted"] for one in found) == 60
    assert len(found) < 60
    ids = [name for one in found for name in one.get("request_ids", [])]
    assert len(set(ids)) == len(ids)


async def test_a_refused_request_is_on_record_too(anonymous: httpx.AsyncClient, clients: Clients, project: str) -> None:
    await anonymous.get("/api/v1/projects")
    await clients.of("guest", project).post("/api/v1/events", json=EVENT)
    await clients.of("analyst", project).post("/api/v1/events", json={**EVENT, "latency_ms": "x"})
    await clients.of("admin").get("/api/v1/projects/nowhere")
    assert [(row["status"], row["role"]) for row in read_ledger(clients.services)] == [
        (404, "admin"), (422, "analyst"), (403, "guest"), (401, "guest"),
    ]  # fmt: skip


async def test_what_cannot_be_put_on_record_is_not_answered(clients: Clients, services: Services) -> None:
    client = clients.of("admin")
    await asyncio.to_thread(services.events.writer.stop)
    answer = await client.get("/api/v1/projects")
    assert answer.status_code == 503
    assert "cannot be put on record" in answer.json()["detail"]
    assert answer.headers["Retry-After"]
    assert (await client.get("/healthz")).status_code == 200


async def test_an_admin_of_one_project_sees_its_rows_only(clients: Clients, project: str) -> None:
    clients.services.projects.create("other", "Other")
    admin = clients.of("admin")
    for name in (project, "other"):
        await admin.get(f"/api/v1/projects/{name}")
    own = clients.of("admin", project)
    listed = (await own.get("/api/v1/audit")).json()["items"]
    assert {row["project_id"] for row in listed} == {project}
    assert (await own.get("/api/v1/audit", params={"project_id": "other"})).status_code == 403
    assert (await own.post("/api/v1/audit/verify")).status_code == 403


async def test_rows_come_in_pages_and_by_filter(clients: Clients, admin: httpx.AsyncClient, project: str) -> None:
    for n in range(5):
        await admin.get(f"/api/v1/projects/{project}", headers={"X-Request-ID": f"r{n}"})
    first = (await admin.get("/api/v1/audit", params={"project_id": project, "limit": 2})).json()
    assert [row["request_id"] for row in first["items"]] == ["r4", "r3"]
    rest = await admin.get("/api/v1/audit", params={"project_id": project, "cursor": first["next_cursor"]})
    assert [row["request_id"] for row in rest.json()["items"]] == ["r2", "r1", "r0"]
    nothing = await admin.get("/api/v1/audit", params={"until": "2020-01-01T00:00:00Z"})
    assert nothing.json()["items"] == []
    wrong = await admin.get("/api/v1/audit", params={"colour": "blue"})
    assert wrong.status_code == 422
    assert "colour" in wrong.text


async def test_an_export_and_its_checkpoints_are_verified_offline(
    clients: Clients, admin: httpx.AsyncClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from guard_cli.audit import verify_export

    for _ in range(3):
        await admin.get("/api/v1/projects")
    await asyncio.to_thread(clients.services.audit.store.checkpoint)
    export, checkpoints = tmp_path / "ledger.csv", tmp_path / "checkpoints.json"
    export.write_bytes((await admin.get("/api/v1/audit/export")).content)
    checkpoints.write_bytes((await admin.get("/api/v1/audit/checkpoints")).content)
    assert verify_export(export, checkpoints, []) == 0
    assert "rows 1 to 3, 1 signed checkpoint" in capsys.readouterr().out
    export.write_text(export.read_text().replace(",200,", ",201,", 1))
    assert verify_export(export, checkpoints, []) == 1
    assert "broken at row 1" in capsys.readouterr().out


async def test_the_proof_names_a_broken_row(clients: Clients, admin: httpx.AsyncClient, app: FastAPI) -> None:
    for _ in range(4):
        await admin.get("/api/v1/projects")
    assert (await admin.post("/api/v1/audit/verify")).json()["ok"] is True
    with clients.services.database.write() as connection:
        connection.exec_driver_sql("UPDATE ledger SET role = 'guest' WHERE seq = 3")
    found = (await admin.post("/api/v1/audit/verify")).json()
    assert (found["ok"], found["broken_seq"]) == (False, 3)


def _prepared(url: str) -> str:
    database = Database(url)
    ProjectStore(database).create("flights", "Flights")
    _, secret = KeyStore(database).create("k", "admin", None)
    database.close()
    return secret


def _whole(url: str) -> Mapping[str, int]:
    database = Database(url)
    store = LedgerStore(database, None)
    assert store.verify().ok, store.verify().problem
    counts: dict[str, int] = {}
    for row in store.all_rows():
        values = msgspec.structs.asdict(row)
        for request_id in json.loads(values["details"]).get("request_ids", [values["request_id"]]):
            counts[request_id] = counts.get(request_id, 0) + 1
    database.close()
    return counts


def test_four_workers_at_once_and_a_kill_leave_one_valid_chain_with_a_row_for_each_answer(
    tmp_path: Path, database_url: str
) -> None:
    secret = _prepared(database_url)
    answered: list[str] = []
    with serving(tmp_path, database_url=database_url, workers=4) as server:

        async def ask_until_killed(n: int) -> None:
            async with httpx.AsyncClient(base_url=server.url, headers={"X-API-Key": secret}, trust_env=False) as client:
                for i in range(200):
                    name = f"{n}-{i}"
                    try:
                        if i % 2:
                            answer = await client.get("/api/v1/projects/flights", headers={"X-Request-ID": name})
                        else:
                            event = {**EVENT, "event_id": name}
                            answer = await client.post("/api/v1/events", json=event, headers={"X-Request-ID": name})
                    except httpx.TransportError:
                        return
                    assert answer.status_code in {200, 201}
                    answered.append(name)
                    if len(answered) == 300:
                        os.killpg(server.process.pid, signal.SIGKILL)  # the workers too

        async def everyone() -> None:
            await asyncio.gather(*(ask_until_killed(n) for n in range(8)))

        asyncio.run(everyone())
    counts = _whole(database_url)
    assert len(answered) >= 300
    assert [name for name in answered if counts.get(name) != 1] == []
