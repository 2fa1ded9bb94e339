"""Pages of incidents: what they show, who sees them, and what their forms change."""

from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from guard_core.alerting.figures import Figure
from guard_core.settings import Role, Settings
from guard_store.alerts.outbox import Outbox
from guard_store.alerts.store import AlertStore
from serving.app import Services
from tests.support.alert_facts import PROJECT, Facts, add_project
from tests.support.clients import Clients
from tests.support.pages import form_token_of, sign_in
from tests.support.settings import with_values

SignIn = Callable[..., Coroutine[Any, Any, httpx.AsyncClient]]
FIGURE = Figure("PSI of temp", 2.93, "feature_temp", threshold=0.2, feature="temp", days=["2013-03-04", "2013-03-05"],
                values=[0.1, 2.93])  # fmt: skip


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a route that nothing is sent on."""
    return with_values(settings, alert_routes=Facts.route_urls(["oncall"]))


@pytest.fixture
async def facts(services: Services) -> Facts:
    """Facts of the project; the server's own sender is stopped, so that tests see each state."""
    await services.alerts.stop()
    return Facts(services.database)


@pytest.fixture
def reader(clients: Clients) -> SignIn:
    """Signs in with a new key of a role."""

    async def open_session(role: Role, project_id: str | None = None) -> httpx.AsyncClient:
        return await sign_in(clients, role, project_id)

    return open_session


async def read_form_token(client: httpx.AsyncClient) -> str:
    return form_token_of((await client.get("/incidents")).text)


def open_drift(facts: Facts) -> tuple[str, str]:
    """Open an incident; return its id and that of its alert."""
    facts.drift("2013-03-05", lines=["temp: PSI is 2.93"], **FIGURE.as_details())
    facts.fold()
    alert = facts.alerts()[-1]
    return alert.incident_id, alert.id


async def test_without_incidents_the_page_answers_that_none_is_open(facts: Facts, reader: SignIn) -> None:
    page = await (await reader("analyst")).get("/incidents")
    assert "<h1>No incident is open</h1>" in page.text
    assert "/settings" in page.text


async def test_open_incidents_come_with_their_form_and_resolved_ones_below(facts: Facts, reader: SignIn) -> None:
    facts.drift("2013-03-04", model="other")
    facts.fold("2013-03-04T12:00:00Z")
    facts.drift("2013-03-05", model="other", op="clears")
    facts.fold("2013-03-05T12:00:00Z")
    incident_id, alert_id = open_drift(facts)
    page = (await (await reader("analyst")).get("/incidents")).text
    assert "<h1>1 incident is open, not acknowledged</h1>" in page
    assert page.index(f"/incidents/{incident_id}") < page.index(">Resolved<") < page.index("flights / other")
    assert f'action="/alerts/{alert_id}/acknowledge"' in page
    filtered = (await (await reader("analyst")).get("/incidents", params={"model_id": "other"})).text
    assert "<h1>No incident is open</h1>" in filtered
    assert "flights / other" in filtered


async def test_an_incident_shows_its_number_and_links_to_the_day_and_the_feature(facts: Facts, reader: SignIn) -> None:
    incident_id, _ = open_drift(facts)
    page = (await (await reader("analyst")).get(f"/incidents/{incident_id}")).text
    assert "<h1>flights / late: Drift in temp.</h1>" in page
    assert "<strong>PSI of temp 2.93</strong>, threshold 0.2" in page
    assert 'href="/projects/flights/models/late/days/2013-03-05"' in page
    assert 'href="/projects/flights/models/late/features/temp?day=2013-03-05"' in page
    assert "message waiting" in page
    assert "/mute" not in page, "only admins mute"


async def test_an_alert_is_acknowledged_by_its_form_with_a_reason_and_the_page_returns(
    facts: Facts, reader: SignIn, services: Services
) -> None:
    _, alert_id = open_drift(facts)
    client = await reader("analyst", PROJECT)
    path, form = f"/alerts/{alert_id}/acknowledge", {"reason": "I am on it", "next": "/incidents"}
    assert (await client.post(path, data=form)).status_code == 403, "without token"
    form["csrf"] = await read_form_token(client)
    assert (await client.post(path, data={**form, "reason": " "})).status_code == 422
    answer = await client.post(path, data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/incidents")
    alert = AlertStore(services.database).get(alert_id)
    assert alert is not None
    assert alert.acknowledged_reason == "I am on it"
    elsewhere = await client.post(path, data={**form, "next": "https://evil.example"})
    assert elsewhere.headers["location"] == "/"
    overview = (await client.get("/incidents")).text
    assert "<h1>1 incident is open, acknowledged</h1>" in overview


async def test_admins_mute_unmute_and_resend_by_forms(facts: Facts, reader: SignIn, services: Services) -> None:
    incident_id, alert_id = open_drift(facts)
    (message,) = facts.messages()
    outbox, store = Outbox(services.database), AlertStore(services.database)
    lease = outbox.claim("oncall", lease_s=10)
    assert lease is not None
    outbox.mark_failed(lease, "no answer", most_attempts=1, retry_s=1)
    client = await reader("admin", PROJECT)
    form = {"csrf": await read_form_token(client), "next": f"/incidents/{incident_id}", "reason": "known"}
    until = {"until": "2130-01-01T08:00"}
    assert (await client.post(f"/alerts/{alert_id}/mute", data={**form, "until": "soon"})).status_code == 422
    assert (await client.post(f"/alerts/{alert_id}/mute", data={**form, **until})).status_code == 303
    assert "muted until 2130-01-01 08:00 UTC" in (await client.get(f"/incidents/{incident_id}")).text
    assert (await client.post(f"/alerts/{alert_id}/unmute", data=form)).status_code == 303
    alert = store.get(alert_id)
    assert alert is not None
    assert alert.muted_until_us is None
    assert "no answer" in (await client.get(f"/incidents/{incident_id}")).text
    assert (await client.post(f"/alert-deliveries/{message.id}/resend", data=form)).status_code == 303
    resent = outbox.get(message.id)
    assert resent is not None
    assert resent.state == "waiting"


async def test_who_may_not_read_an_incident_does_not_see_it(
    facts: Facts, reader: SignIn, services: Services, anonymous: httpx.AsyncClient
) -> None:
    incident_id, alert_id = open_drift(facts)
    add_project(services.database, "trains")
    answer = await anonymous.get(f"/incidents/{incident_id}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next=/incidents/{incident_id}")
    assert (await (await reader("guest")).get("/incidents")).status_code == 403
    stranger = await reader("analyst", "trains")
    assert (await stranger.get(f"/incidents/{incident_id}")).status_code == 403
    analyst = await reader("analyst", PROJECT)
    form = {"csrf": await read_form_token(analyst), "reason": "x", "until": "2130-01-01T08:00"}
    assert (await analyst.post(f"/alerts/{alert_id}/mute", data=form)).status_code == 403
