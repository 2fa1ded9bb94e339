"""The page of the installation's settings: keys, projects, routes; who changes them, and what the ledger has."""

import re
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from guard_core.settings import Settings
from serving.app import Services
from tests.support.clients import Clients
from tests.support.ledger import read_chain
from tests.support.pages import send_form, sign_in
from tests.support.settings import with_values

SETTINGS = "/settings"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """With a route that works and one that does not."""
    (tmp_path / "folder.txt").mkdir()
    urls = {"log": f"file://{tmp_path}/alerts.txt", "broken": f"file://{tmp_path}/folder.txt"}
    return with_values(settings, alert_routes={name: SecretStr(url) for name, url in urls.items()})


async def test_a_new_key_works_and_its_secret_is_shown_once(
    clients: Clients, services: Services, anonymous: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = await sign_in(clients, "admin")
    answer = await send_form(client, SETTINGS, "/settings/keys", name="batch", role="analyst", project_id="")
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    (secret,) = set(re.findall(r"mlg_[\w-]+", answer.text))
    assert (await anonymous.get("/api/v1/projects", headers={"X-API-Key": secret})).status_code == 200
    assert secret not in (await client.get(SETTINGS)).text
    rows = read_chain(services)
    assert any(row["route"] == "/settings/keys" and row["role"] == "admin" and row["key_id"] for row in rows)
    assert secret not in str(rows)
    assert secret not in caplog.text


async def test_a_revoked_key_is_refused(clients: Clients, services: Services, anonymous: httpx.AsyncClient) -> None:
    key, secret = services.keys.create("old", "analyst")
    client = await sign_in(clients, "admin")
    answer = await send_form(client, SETTINGS, f"/settings/keys/{key.id}/revoke")
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings#keys")
    assert (await anonymous.get("/api/v1/projects", headers={"X-API-Key": secret})).status_code == 401


async def test_an_admin_of_one_project_makes_keys_of_that_project_only(clients: Clients, project: str) -> None:
    client = await sign_in(clients, "admin", project)
    refused = await send_form(client, SETTINGS, "/settings/keys", name="all", role="admin", project_id="")
    assert refused.status_code == 403
    made = await send_form(client, SETTINGS, "/settings/keys", name="own", role="admin", project_id=project)
    assert made.status_code == 201


async def test_a_project_is_created_and_a_wrong_field_is_named(clients: Clients, services: Services) -> None:
    client = await sign_in(clients, "admin")
    answer = await send_form(client, SETTINGS, "/settings/projects", id="shop", name="Shop", timezone="Mars/Olympus")
    assert answer.status_code == 422
    assert "timezone" in answer.text
    answer = await send_form(client, SETTINGS, "/settings/projects", id="shop", name="Shop", timezone="Asia/Kolkata")
    assert answer.headers["location"] == "/settings/projects/shop"
    project = services.projects.get("shop")
    assert project is not None
    assert (project.name, project.timezone) == ("Shop", "Asia/Kolkata")


@pytest.mark.parametrize(("route", "outcome"), [("log", "was sent on log"), ("broken", "was not sent: the file")])
async def test_a_test_message_shows_whether_it_was_sent(
    clients: Clients, tmp_path: Path, route: str, outcome: str
) -> None:
    client = await sign_in(clients, "admin")
    answer = await send_form(client, SETTINGS, f"/settings/routes/{route}/test")
    assert answer.status_code == 200
    assert outcome in answer.text
    json_answer = (await clients.of("admin").post(f"/api/v1/alert-routes/{route}/test")).json()
    assert json_answer["sent"] is (route == "log")
    assert (json_answer["error"] is None) is (route == "log")
    if route == "log":
        assert "a test message" in (tmp_path / "alerts.txt").read_text()


async def test_an_unknown_route_is_named(clients: Clients) -> None:
    answer = await clients.of("admin").post("/api/v1/alert-routes/nowhere/test")
    assert answer.status_code == 404
    assert "there is broken, log" in answer.json()["detail"]


async def test_forms_without_their_token_and_without_the_role_change_nothing(
    clients: Clients, services: Services
) -> None:
    fields = {"name": "k", "role": "guest"}
    admin, analyst = await sign_in(clients, "admin"), await sign_in(clients, "analyst")
    keys = len(services.keys.page(project_id=None, after=(0, ""), limit=100))
    assert (await admin.post("/settings/keys", data=fields)).status_code == 403
    assert (await send_form(analyst, SETTINGS, "/settings/keys", **fields)).status_code == 403
    assert len(services.keys.page(project_id=None, after=(0, ""), limit=100)) == keys
    page = (await analyst.get(SETTINGS)).text
    assert "Only admins see keys." in page
    assert "Send test" not in page


async def test_only_analysts_see_the_page(clients: Clients, anonymous: httpx.AsyncClient) -> None:
    assert (await (await sign_in(clients, "guest")).get(SETTINGS)).status_code == 403
    assert (await anonymous.get(SETTINGS)).headers["location"] == "/sign-in?next=/settings"
