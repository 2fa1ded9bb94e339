"""Who may ask what: keys, roles, project scopes, and how long a revoked key lives."""

import time

import httpx
import pytest

from guard_core.settings import Settings
from serving.app import Services
from serving.auth.principal import ANONYMOUS, Principal
from serving.auth.security import KeyRing
from serving.http.problems import Forbidden, Unauthorised
from tests.support.clients import Clients


async def test_a_key_is_read_from_either_header(anonymous: httpx.AsyncClient, services: Services, project: str) -> None:
    _, secret = services.keys.create("k", "analyst")
    path = f"/api/v1/projects/{project}"
    for headers in (
        {"X-API-Key": secret},
        {"Authorization": f"Bearer {secret}"},
        {"authorization": f"bearer {secret}"},
    ):
        assert (await anonymous.get(path, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "mlg_unknown"},
        {"X-API-Key": ""},
        {"Authorization": "Bearer mlg_unknown"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer"},
    ],
)
async def test_no_key_or_a_wrong_one_is_401_and_says_how_to_send_one(
    anonymous: httpx.AsyncClient, project: str, headers: dict[str, str]
) -> None:
    for path in (f"/api/v1/projects/{project}", "/api/v1/keys", "/api/v1/openapi.json"):
        answer = await anonymous.get(path, headers=headers)
        assert answer.status_code == 401
        assert "X-API-Key" in answer.json()["detail"]


async def test_a_key_of_one_project_is_403_on_another_that_exists_or_not(clients: Clients, project: str) -> None:
    clients.services.projects.create("other", "Other")
    client = clients.of("admin", "other")
    assert (await client.get("/api/v1/projects/other")).status_code == 200
    assert (await client.get(f"/api/v1/projects/{project}")).status_code == 403
    assert (await client.get("/api/v1/projects/none")).status_code == 403


async def test_a_revoked_key_is_401_at_once_where_it_was_revoked(clients: Clients, admin: httpx.AsyncClient) -> None:
    client = clients.of("analyst")
    key_id = clients.services.keys.page(limit=10)[-1].id
    assert (await client.get("/api/v1/projects")).status_code == 200
    assert (await admin.delete(f"/api/v1/keys/{key_id}")).status_code == 204
    answer = await client.get("/api/v1/projects")
    assert answer.status_code == 401
    assert "revoked" in answer.json()["detail"]


async def test_a_key_revoked_elsewhere_works_no_longer_than_the_cache(services: Services) -> None:
    key, secret = services.keys.create("k", "analyst")
    ring = KeyRing(services.keys, cache_s=0.2, outage_s=60)
    assert (await ring.authenticate(secret)).key_id == key.id
    services.keys.revoke(key.id)
    assert (await ring.authenticate(secret)).key_id == key.id
    time.sleep(0.25)  # noqa: ASYNC251 - nothing else runs here
    with pytest.raises(Unauthorised, match="revoked"):
        await ring.authenticate(secret)


async def test_a_key_that_was_unknown_works_as_soon_as_it_is_made(services: Services, settings: Settings) -> None:
    ring = KeyRing(services.keys, cache_s=settings.server.key_cache_s, outage_s=60)
    with pytest.raises(Unauthorised, match="unknown"):
        await ring.authenticate("demo-key")
    services.keys.create("demo", "admin", secret="demo-key")
    assert (await ring.authenticate("demo-key")).role == "admin"


def test_a_principal_may_what_its_role_and_project_allow() -> None:
    analyst = Principal("k", "analyst", "p")
    analyst.require("guest")
    analyst.require("analyst", "p")
    with pytest.raises(Forbidden, match="role admin"):
        analyst.require("admin", "p")
    with pytest.raises(Forbidden, match="of project "):
        analyst.require("analyst", "q")
    with pytest.raises(Forbidden, match="all projects"):
        analyst.require_all_projects("analyst")
    Principal("k", "admin", None).require_all_projects("admin")


def test_the_anonymous_guest_may_nothing_that_needs_a_key() -> None:
    ANONYMOUS.require("guest")
    for role, project_id in (("analyst", None), ("admin", None), ("guest", "p")):
        with pytest.raises(Unauthorised, match="X-API-Key"):
            ANONYMOUS.require(role, project_id)  # type: ignore[arg-type]
