"""Lineage of events over HTTP: found by the id alone, with their label and their row of the ledger."""

import asyncio
from typing import Any

import httpx

from serving.app import Services
from tests.support.clients import Clients
from tests.support.ledger import read_ledger

EVENT = {
    "project_id": "flights", "model_id": "m", "timestamp": "2013-01-01T12:00:00Z", "latency_ms": 1, "y_pred": 1,
    "y_proba": 0.8, "features": {"x": 1}, "event_id": "e1",
}  # fmt: skip


async def send(client: httpx.AsyncClient, path: str = "/api/v1/events", **fields: Any) -> None:
    (await client.post(path, json={**EVENT, **fields})).raise_for_status()


async def label(client: httpx.AsyncClient, y_true: int, observed_at: str) -> None:
    body = {"project_id": "flights", "event_id": "e1", "y_true": y_true, "observed_at": observed_at}
    (await client.post("/api/v1/labels", json=body)).raise_for_status()


async def test_an_event_is_found_by_its_id_alone(analyst: httpx.AsyncClient, project: str) -> None:
    await send(analyst)
    lineage = (await analyst.get("/api/v1/lineage/e1")).json()
    assert (lineage["project_id"], lineage["model_id"]) == (project, "m")
    assert (lineage["prediction"]["event_id"], lineage["prediction"]["probability"]) == ("e1", 0.8)
    assert lineage["model_version"] is lineage["training_run"] is lineage["label"] is None


async def test_an_id_of_several_projects_is_a_conflict_that_lists_them(
    clients: Clients, analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    services.projects.create("trains", "Trains")
    await send(analyst)
    await send(analyst, project_id="trains", model_id="t")
    answer = await analyst.get("/api/v1/lineage/e1")
    assert (answer.status_code, answer.json()["projects"]) == (409, ["flights", "trains"])
    assert "?project_id=" in answer.json()["detail"]
    named = await analyst.get("/api/v1/lineage/e1", params={"project_id": "trains"})
    assert named.json()["model_id"] == "t"
    of_one_project = await clients.of("analyst", project).get("/api/v1/lineage/e1")
    assert of_one_project.json()["model_id"] == "m"


async def test_an_event_of_another_project_is_not_found(
    clients: Clients, analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    services.projects.create("trains", "Trains")
    await send(analyst)
    stranger = clients.of("analyst", "trains")
    assert (await stranger.get("/api/v1/lineage/e1")).status_code == 404
    assert (await stranger.get("/api/v1/lineage/e1", params={"project_id": project})).status_code == 404


async def test_an_event_has_the_label_that_was_observed_last(analyst: httpx.AsyncClient, project: str) -> None:
    await send(analyst)
    await label(analyst, 1, "2013-02-02T00:00:00Z")
    await label(analyst, 0, "2013-02-01T00:00:00Z")
    found = (await analyst.get("/api/v1/lineage/e1")).json()["label"]
    assert (found["y_true"], found["observed_at"]) == (1, "2013-02-02T00:00:00Z")


async def test_an_event_has_its_row_of_the_ledger_also_if_many_requests_share_it(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    await asyncio.gather(*(send(analyst, event_id=f"e{n}") for n in range(40)))
    rows = {row["seq"]: row for row in read_ledger(services, route="/api/v1/events")}
    assert len(rows) < 40
    for n in range(40):
        lineage = (await analyst.get(f"/api/v1/lineage/e{n}")).json()
        row = rows[lineage["ledger_row"]["seq"]]
        assert row["hash"] == lineage["ledger_row"]["hash"]
        assert lineage["prediction"]["request_id"] in (row["request_id"] + row["details"])


async def test_a_request_id_that_is_used_again_leads_to_the_row_of_the_event(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    analyst.headers["X-Request-ID"] = "same"
    await send(analyst)
    (row,) = read_ledger(services)
    await analyst.get("/api/v1/projects")
    assert (await analyst.get("/api/v1/lineage/e1")).json()["ledger_row"]["seq"] == row["seq"]


async def test_an_event_has_its_input_its_day_and_the_checkpoint_that_covers_its_row(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    await send(analyst, timestamp="2013-01-02T03:00:00Z")  # still the first of January in New York
    before = (await analyst.get("/api/v1/lineage/e1")).json()
    assert before["prediction"]["input"] == {"x": 1}
    assert before["day"] == {"day": "2013-01-01", "drift_state": None, "drifted": []}
    assert before["ledger_row"]["checkpoint"] is None
    signed = services.audit.store.checkpoint()
    assert signed is not None
    row = (await analyst.get("/api/v1/lineage/e1")).json()["ledger_row"]
    assert row["seq"] <= row["checkpoint"]["seq"] == signed.seq
    assert (row["checkpoint"]["hash"], row["checkpoint"]["is_signed"]) == (signed.hash, True)
