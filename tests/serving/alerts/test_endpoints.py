"""Alerts, policies and deliveries over HTTP: who sees what, what people do about them, dead letters."""

import asyncio
from typing import Any

import httpx
import pytest

from guard_core.settings import Settings
from guard_store.alerts.outbox import Outbox
from guard_store.alerts.store import AlertStore
from serving.app import Services
from tests.support.alert_facts import MODEL, PROJECT, Facts
from tests.support.clients import Clients
from tests.support.settings import with_values


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a route that nothing is sent on by the tests' own folding before they say so."""
    return with_values(settings, alert_routes=Facts.route_urls(["oncall"]))


@pytest.fixture
async def facts(services: Services) -> Facts:
    """Facts of the project; the server's own sender is stopped, so that tests see each state."""
    await services.alerts.stop()
    return Facts(services.database)


async def items(client: httpx.AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    answer = await client.get(f"/api/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_an_alert_is_listed_filtered_and_read_with_its_history_and_messages(
    facts: Facts, analyst: httpx.AsyncClient
) -> None:
    facts.drift("2013-03-05", value=0.2)
    facts.write("performance", "policy/performance/performance", "AUC is low.", policy="performance")
    facts.drift("2013-03-05", model="other")
    facts.fold()
    assert len(await items(analyst, "alerts")) == 3
    assert len(await items(analyst, "alerts", model_id=MODEL, severity="error")) == 1
    assert await items(analyst, "alerts", state="resolved") == []
    (drift,) = await items(analyst, "alerts", kind="drift", model_id=MODEL)
    detail = (await analyst.get(f"/api/v1/alerts/{drift['id']}")).json()
    assert (detail["summary"], detail["since_day"], detail["value"]) == ("Drift in temp.", "2013-03-05", 0.2)
    assert [step["action"] for step in detail["history"]] == ["opened"]
    (message,) = detail["deliveries"]
    assert message["title"] == "[ERROR] flights/late: performance, drift"
    assert (message["state"], message["route"], message["attempts"]) == ("waiting", "oncall", 0)
    page = (await analyst.get("/api/v1/alerts", params={"limit": 2})).json()
    rest = await items(analyst, "alerts", cursor=page["next_cursor"])
    assert len({one["id"] for one in page["items"] + rest}) == 3


async def test_analysts_acknowledge_and_admins_mute(facts: Facts, clients: Clients) -> None:
    facts.drift("2013-03-05")
    facts.fold()
    analyst, admin = clients.of("analyst", PROJECT), clients.of("admin", PROJECT)
    (alert,) = await items(analyst, "alerts")
    path = f"/api/v1/alerts/{alert['id']}"
    answer = await analyst.post(f"{path}/acknowledge", json={"reason": "I am on it"})
    assert answer.json()["acknowledged_reason"] == "I am on it"
    until = {"until": "2030-01-01T00:00:00+01:00", "reason": "known"}
    assert (await analyst.post(f"{path}/mute", json=until)).status_code == 403
    assert (await admin.post(f"{path}/mute", json=until)).json()["muted_until"] == "2029-12-31T23:00:00Z"
    assert (await admin.post(f"{path}/unmute", json={"reason": "over"})).json()["muted_until"] is None
    assert (await admin.post(f"{path}/mute", json={"until": "2030-01-01", "reason": "x"})).status_code == 422
    history = (await analyst.get(path)).json()["history"]
    assert [step["action"] for step in history] == ["opened", "acknowledged", "muted", "unmuted"]
    assert history[1]["key_id"]
    facts.drift("2013-03-06", op="clears")
    facts.fold("2013-03-06T12:00:00Z")
    assert (await analyst.post(f"{path}/acknowledge", json={"reason": "late"})).status_code == 409


async def test_a_key_of_another_project_sees_no_alert_and_nobody_of_a_project_sees_the_systems(
    facts: Facts, clients: Clients
) -> None:
    facts.drift("2013-03-05")
    facts.fold()
    (alert,) = facts.alerts()
    clients.services.projects.create("other", "Other")
    foreign = clients.of("admin", "other")
    assert await items(foreign, "alerts") == []
    assert await items(foreign, "alert-deliveries") == []
    assert (await foreign.get(f"/api/v1/alerts/{alert.id}")).status_code == 403
    assert (await foreign.get("/api/v1/alerts", params={"project_id": PROJECT})).status_code == 403
    (message,) = facts.messages()
    assert (await foreign.post(f"/api/v1/alert-deliveries/{message.id}/resend")).status_code == 403


async def test_policies_are_put_shown_with_the_defaults_and_removed(
    facts: Facts, admin: httpx.AsyncClient, analyst: httpx.AsyncClient
) -> None:
    path = f"/api/v1/projects/{PROJECT}/alert-policies"
    before = {one["name"]: one for one in (await analyst.get(path)).json()["items"]}
    assert {one["source"] for one in before.values()} == {"default"}
    assert (before["drift"]["days"], before["drift"]["of_days"]) == (2, 3)
    body = {"when": "latency", "threshold": 250, "severity": "critical", "routes": ["oncall"], "model": "prod-*"}
    body |= {"quiet_hours": {"start": "22:00", "end": "07:00"}}
    put = await admin.put(f"{path}/slow", json=body)
    assert put.status_code == 200, put.text
    shown = (await analyst.get(f"{path}/slow")).json()
    assert (shown["source"], shown["when"], shown["threshold"]) == ("project", ["latency"], 250)
    assert (await admin.put(f"{path}/drift", json={"when": "drift", "enabled": False})).json()["source"] == "project"
    assert (await admin.delete(f"{path}/drift")).status_code == 204
    assert (await analyst.get(f"{path}/drift")).json()["source"] == "default"
    assert (await admin.delete(f"{path}/drift")).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"when": "latency"}, "threshold"),
        ({"when": "nothing"}, "when"),
        ({"when": ["drift", "performance"], "threshold": 1}, "threshold"),
        ({"when": "drift", "days": 3, "of_days": 2}, "days"),
        ({"when": "budget", "of_days": 2}, "of_days"),
        ({"when": "drift", "routes": ["nobody"]}, "routes"),
        ({"when": "drift", "muted_until": "2030-01-01T00:00:00"}, "muted_until"),
        ({"when": "drift", "quiet_hours": {"start": "07:00", "end": "07:00"}}, "quiet_hours"),
        ({"when": "drift", "colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_policy_is_refused_with_the_name_of_the_field(
    facts: Facts, admin: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await admin.put(f"/api/v1/projects/{PROJECT}/alert-policies/p", json=body)
    assert answer.status_code == 422
    assert field in answer.json()["detail"]


async def test_a_dead_message_is_shown_counted_and_sent_again(
    facts: Facts, services: Services, admin: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    facts.drift("2013-03-05")
    facts.fold()
    outbox = Outbox(services.database)
    delivery = outbox.claim("oncall", lease_s=30)
    assert delivery is not None
    assert outbox.claim("oncall", lease_s=30) is None
    outbox.mark_failed(delivery, "refused", most_attempts=1, retry_s=1)
    await asyncio.to_thread(services.alerts._update_gauges)
    assert "1 messages were given up" in (await anonymous.get("/readyz")).json()["degraded"]["alerts"]
    metrics = (await anonymous.get("/metrics")).text
    assert 'ml_guard_alert_outbox_messages{state="dead"} 1.0' in metrics
    assert 'ml_guard_alerts_open{severity="warning"} 1.0' in metrics
    (dead,) = await items(admin, "alert-deliveries", state="dead")
    assert dead["newest_attempts"][0]["error"] == "refused"
    again = await admin.post(f"/api/v1/alert-deliveries/{dead['id']}/resend")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (200, "waiting", 0)
    assert (await admin.post(f"/api/v1/alert-deliveries/{dead['id']}/resend")).status_code == 409


async def test_routes_are_named_and_their_urls_never_shown(facts: Facts, analyst: httpx.AsyncClient) -> None:
    answer = await analyst.get("/api/v1/alert-routes")
    assert answer.json() == {"items": [{"name": "oncall", "scheme": "file"}], "next_cursor": None, "state": "ok"}


async def test_what_people_do_about_alerts_is_on_the_ledger(
    facts: Facts, clients: Clients, admin: httpx.AsyncClient
) -> None:
    facts.drift("2013-03-05")
    facts.fold()
    (alert,) = AlertStore(facts.database).open_of(PROJECT)
    await admin.post(f"/api/v1/alerts/{alert.id}/acknowledge", json={"reason": "seen"})
    rows = (await admin.get("/api/v1/audit", params={"limit": 5})).json()["items"]
    (row,) = [row for row in rows if row["route"] == "/api/v1/alerts/{alert_id}/acknowledge"]
    assert (row["project_id"], row["status"]) == (PROJECT, 200)
