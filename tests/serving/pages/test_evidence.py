"""The page of evidence: the whole story of an id, which ids there are, and what was searched for an unknown one."""

import httpx
import pytest

from serving.app import Services
from tests.support.clients import Clients
from tests.support.pages import sign_in

EVENT = {
    "project_id": "flights", "model_id": "m", "timestamp": "2013-01-01T12:00:00Z", "latency_ms": 1, "y_pred": 1,
    "features": {"x": 1}, "event_id": "e1",
}  # fmt: skip


@pytest.fixture
async def reader(clients: Clients) -> httpx.AsyncClient:
    """A signed-in analyst of all projects."""
    return await sign_in(clients, "analyst")


async def test_an_event_is_shown_with_its_input_answer_label_and_checkpoint(
    reader: httpx.AsyncClient, analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    (await analyst.post("/api/v1/events", json=EVENT)).raise_for_status()
    label = {"project_id": project, "event_id": "e1", "y_true": 0, "observed_at": "2013-02-01T00:00:00Z"}
    (await analyst.post("/api/v1/labels", json=label)).raise_for_status()
    services.audit.store.checkpoint()
    page = (await reader.get("/evidence", params={"id": "e1"})).text
    assert "<h1>flights / m predicted 1 for e1; the label is 0</h1>" in page
    assert 'href="/projects/flights/models/m/days/2013-01-01"' in page
    assert 'href="/projects/flights/models/m/features/x?day=2013-01-01"' in page
    assert "signature matches" in page


async def test_without_an_id_the_page_lists_which_ids_there_are(reader: httpx.AsyncClient) -> None:
    page = (await reader.get("/evidence")).text
    assert "<h1>What led to a prediction?</h1>" in page
    assert "flights~late-arrival/7" in page


async def test_an_unknown_id_is_answered_with_what_was_searched(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/evidence", params={"id": "<none>"})
    assert answer.status_code == 404
    assert "<h1>Nothing has the id &lt;none&gt;</h1>" in answer.text
    assert "What was searched" in answer.text


async def test_a_request_without_a_prediction_is_shown_to_admins_by_its_rows_of_the_ledger(
    clients: Clients, reader: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    (await admin.get("/api/v1/overview", headers={"X-Request-ID": "why"})).raise_for_status()
    page = await (await sign_in(clients, "admin")).get("/evidence", params={"id": "why"})
    assert page.status_code == 200
    assert "<h1>Request why: /api/v1/overview, answered with 200</h1>" in page.text
    assert 'href="/audit?request=why"' in page.text
    refused = await reader.get("/evidence", params={"id": "why"})
    assert (refused.status_code, "admins find those of all requests" in refused.text) == (404, True)


async def test_an_id_of_several_projects_lets_the_reader_choose(
    reader: httpx.AsyncClient, analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    services.projects.create("trains", "Trains")
    for name in (project, "trains"):
        (await analyst.post("/api/v1/events", json={**EVENT, "project_id": name})).raise_for_status()
    answer = await reader.get("/evidence", params={"id": "e1"})
    assert answer.status_code == 409
    assert 'href="/evidence?id=e1&amp;project_id=trains"' in answer.text


async def test_anonymous_readers_sign_in_first(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/evidence")).headers["location"].startswith("/sign-in?next=")
