"""Incidents over HTTP: listed newest first, filtered and paged, and read as a thread."""

from typing import Any

import httpx
import pytest

from guard_core.settings import Settings
from serving.app import Services
from tests.support.alert_facts import MODEL, PROJECT, Facts, add_project
from tests.support.clients import Clients
from tests.support.settings import with_values


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a route that nothing is sent on."""
    return with_values(settings, alert_routes=Facts.route_urls(["oncall"]))


@pytest.fixture
async def facts(services: Services) -> Facts:
    """Facts of the project; the server's own sender is stopped, so that tests see each state."""
    await services.alerts.stop()
    return Facts(services.database)


async def page(client: httpx.AsyncClient, **params: Any) -> dict[str, Any]:
    answer = await client.get("/api/v1/incidents", params=params)
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content


def resolve_and_reopen(facts: Facts) -> None:
    facts.drift("2013-03-05")
    facts.fold("2013-03-05T12:00:00Z")
    facts.drift("2013-03-06", op="clears")
    facts.fold("2013-03-06T12:00:00Z")
    facts.drift("2013-03-07", message="Drift in wind.")
    facts.write("performance", "policy/performance/performance", "AUC is low.", policy="performance")
    facts.drift("2013-03-07", model="other")
    facts.fold("2013-03-07T12:00:00Z")


async def test_incidents_are_listed_newest_first_with_their_worst_alert_first(
    facts: Facts, analyst: httpx.AsyncClient
) -> None:
    resolve_and_reopen(facts)
    assert [item["opened_at"][:10] for item in (await page(analyst))["items"]] == [
        "2013-03-07", "2013-03-07", "2013-03-05",
    ]  # fmt: skip
    (open_one,) = (await page(analyst, state="open", model_id=MODEL))["items"]
    assert (open_one["severity"], open_one["alerts"][0]["summary"]) == ("error", "AUC is low.")
    assert open_one["title"] == "[ERROR] flights/late: performance, drift"
    (resolved,) = (await page(analyst, state="resolved"))["items"]
    assert (resolved["severity"], resolved["resolved_at"][:10]) == ("warning", "2013-03-06")


async def test_pages_of_incidents_continue_where_the_previous_one_ended(
    facts: Facts, analyst: httpx.AsyncClient
) -> None:
    resolve_and_reopen(facts)
    first = await page(analyst, limit=2)
    rest = await page(analyst, limit=2, cursor=first["next_cursor"])
    assert len({item["id"] for item in first["items"] + rest["items"]}) == 3
    assert rest["next_cursor"] is None


async def test_a_thread_has_the_steps_of_all_alerts_in_order_of_time_and_the_messages(
    facts: Facts, analyst: httpx.AsyncClient
) -> None:
    facts.drift("2013-03-05")
    facts.fold("2013-03-05T12:00:00Z")
    facts.write("performance", "policy/performance/performance", "AUC is low.", policy="performance")
    facts.fold("2013-03-05T13:00:00Z")
    facts.drift("2013-03-06", op="clears")
    facts.fold("2013-03-06T12:00:00Z")
    (incident,) = (await page(analyst))["items"]
    thread = (await analyst.get(f"/api/v1/incidents/{incident['id']}")).json()
    steps = [(step["kind"], step["action"], step["at"][:13]) for step in thread["history"]]
    assert steps == [
        ("drift", "opened", "2013-03-05T12"),
        ("performance", "opened", "2013-03-05T13"),
        ("drift", "resolved", "2013-03-06T12"),
    ]
    assert [message["seq"] for message in thread["deliveries"]] == [1, 2, 3]
    assert [alert["kind"] for alert in thread["alerts"]] == ["performance", "drift"], "open ones are first"
    assert thread["severity"] == "error"


async def test_incidents_of_other_projects_are_refused(facts: Facts, services: Services, clients: Clients) -> None:
    facts.drift("2013-03-05")
    facts.fold()
    add_project(services.database, "trains")
    (incident,) = (await page(clients.of("analyst", PROJECT)))["items"]
    stranger = clients.of("analyst", "trains")
    assert (await page(stranger))["items"] == []
    assert (await stranger.get("/api/v1/incidents", params={"project_id": PROJECT})).status_code == 403
    assert (await stranger.get(f"/api/v1/incidents/{incident['id']}")).status_code == 403
    assert (await stranger.get("/api/v1/incidents/none")).status_code == 404
    assert (await clients.of("guest", PROJECT).get("/api/v1/incidents")).status_code == 403
