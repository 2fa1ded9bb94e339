"""API keys over HTTP: shown once, kept hashed, scoped, listed in pages, revoked."""

import httpx
from sqlalchemy import select

from guard_store.auth.store import hash_key
from guard_store.auth.tables import api_keys
from serving.app import Services
from tests.support.clients import Clients

KEYS = "/api/v1/keys"


async def test_a_key_is_shown_once_and_kept_as_a_hash(admin: httpx.AsyncClient, services: Services) -> None:
    answer = await admin.post(KEYS, json={"name": "dashboards", "role": "analyst"})
    assert answer.status_code == 201
    made = answer.json()
    assert made["key"].startswith("mlg_")
    assert len(made["key"]) >= 47
    assert made["revoked_at"] is None
    listed = (await admin.get(KEYS)).text
    assert made["id"] in listed
    assert made["key"] not in listed
    with services.database.read() as connection:
        row = connection.execute(select(api_keys).where(api_keys.c.id == made["id"])).one()
    assert row.key_hash == hash_key(made["key"])
    assert made["key"] not in map(str, row)


async def test_a_made_key_works_and_a_revoked_one_does_not(admin: httpx.AsyncClient, clients: Clients) -> None:
    made = (await admin.post(KEYS, json={"name": "k", "role": "analyst"})).json()
    client = clients.with_key(made["key"])
    assert (await client.get("/api/v1/projects")).status_code == 200
    assert (await admin.delete(f"{KEYS}/{made['id']}")).status_code == 204
    assert (await client.get("/api/v1/projects")).status_code == 401
    assert (await admin.delete(f"{KEYS}/{made['id']}")).status_code == 204
    assert (await admin.delete(f"{KEYS}/none")).status_code == 404


async def test_a_key_of_an_unknown_project_is_404_and_of_an_unknown_role_422(admin: httpx.AsyncClient) -> None:
    assert (await admin.post(KEYS, json={"name": "k", "role": "guest", "project_id": "none"})).status_code == 404
    assert (await admin.post(KEYS, json={"name": "k", "role": "root"})).status_code == 422
    assert (await admin.post(KEYS, json={"name": "", "role": "guest"})).status_code == 422


async def test_an_admin_of_one_project_makes_sees_and_revokes_that_projects_keys_only(
    admin: httpx.AsyncClient, clients: Clients, project: str
) -> None:
    scoped = clients.of("admin", project)
    foreign = (await admin.post(KEYS, json={"name": "all", "role": "guest"})).json()["id"]
    assert (await scoped.post(KEYS, json={"name": "k", "role": "admin"})).status_code == 403
    own = (await scoped.post(KEYS, json={"name": "k", "role": "guest", "project_id": project})).json()["id"]
    seen = [key["id"] for key in (await scoped.get(KEYS)).json()["items"]]
    assert own in seen
    assert foreign not in seen
    assert (await scoped.delete(f"{KEYS}/{foreign}")).status_code == 404
    assert (await scoped.delete(f"{KEYS}/{own}")).status_code == 204


async def test_keys_come_in_pages(admin: httpx.AsyncClient) -> None:
    for number in range(6):
        await admin.post(KEYS, json={"name": str(number), "role": "guest"})
    names, cursor, pages = [], None, 0
    while True:
        page = (await admin.get(KEYS, params={"limit": 3, **({"cursor": cursor} if cursor else {})})).json()
        names += [key["name"] for key in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
        if cursor is None:
            break
    assert names[1:] == ["0", "1", "2", "3", "4", "5"]
    assert pages == 3


async def test_a_cursor_that_is_none_of_ours_is_422(admin: httpx.AsyncClient) -> None:
    for cursor in ("x", "!!!!", "bnVsbA", "é"):
        answer = await admin.get(KEYS, params={"cursor": cursor})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "cursor"
