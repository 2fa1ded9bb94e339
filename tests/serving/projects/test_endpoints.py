"""Projects over HTTP: made, read and changed; what a change asks of the project's days."""

from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select, update

from guard_store.day_state.tables import day_states
from serving.app import Services
from tests.support.clients import Clients

PROJECTS = "/api/v1/projects"


async def test_a_project_is_made_read_and_not_made_twice(admin: httpx.AsyncClient) -> None:
    body = {"id": "shop", "name": "Shop", "timezone": "Asia/Kolkata", "settings": {"drift": {"bins": 20}}}
    made = await admin.post(PROJECTS, json=body)
    assert made.status_code == 201
    read = (await admin.get(f"{PROJECTS}/shop")).json()
    assert read == made.json()
    assert {name: read[name] for name in body} == body
    again = await admin.post(PROJECTS, json=body)
    assert again.status_code == 409
    assert "shop" in again.json()["detail"]


async def test_an_id_is_made_where_none_is_given_and_the_zone_is_utc(admin: httpx.AsyncClient) -> None:
    made = (await admin.post(PROJECTS, json={"name": "No id"})).json()
    assert made["id"].startswith("proj_")
    assert made["timezone"] == "UTC"
    assert (await admin.get(f"{PROJECTS}/{made['id']}")).status_code == 200
    assert (await admin.get(f"{PROJECTS}/none")).status_code == 404


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"name": "x", "timezone": "Mars/Olympus"}, "timezone", "IANA"),
        ({"name": "x", "id": "a/b"}, "id", "must begin with a letter or digit"),
        ({"name": ""}, "name", "at least 1"),
        ({"name": "x", "settings": {"drift": {"bins": 1}}}, "settings.drift.bins", "must be at least 2"),
        ({"name": "x", "settings": {"drfit": {}}}, "settings.drfit", "unknown; remove it or use one of drift, "),
        (
            {"name": "x", "settings": {"models": {"m": {"drift": {"alpha": 2}}}}},
            "settings.models.m.drift.alpha",
            "at most 0.5",
        ),
        (
            {"name": "x", "settings": {"models": {"m": {"bins": 2}}}},
            "settings.models.m.bins",
            "unknown; remove it or use one of drift, ",
        ),
        ({"name": "x", "settings": {"models": []}}, "settings.models", "must be an object"),
    ],
)
async def test_what_is_wrong_with_a_project_is_named(
    admin: httpx.AsyncClient, body: dict[str, Any], field: str, words: str
) -> None:
    answer = await admin.post(PROJECTS, json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert words in error["reason"]


async def test_the_openapi_document_shows_the_sections_of_settings(admin: httpx.AsyncClient) -> None:
    schemas = (await admin.get("/api/v1/openapi.json")).json()["components"]["schemas"]
    for name in ("ProjectRequest", "ProjectView"):
        assert schemas[name]["properties"]["settings"]["$ref"] == "#/components/schemas/ProjectSettings"
    assert schemas["ProjectSettings"]["properties"]["drift"]["$ref"] == "#/components/schemas/DriftSettings"
    bins = schemas["DriftSettings"]["properties"]["bins"]
    assert (bins["minimum"], bins["maximum"], bins["default"]) == (2, 100, 10)


async def test_stored_settings_that_a_newer_rule_refuses_can_still_be_read(
    admin: httpx.AsyncClient, services: Services, project: str
) -> None:
    outdated = {"drift": {"bins": 1, "renamed": True}}
    services.projects.update(project, settings=outdated)
    assert (await admin.get(f"{PROJECTS}/{project}")).json()["settings"] == outdated


async def test_only_the_projects_of_the_key_are_listed(clients: Clients, admin: httpx.AsyncClient) -> None:
    for project_id in ("b", "a", "c"):
        await admin.post(PROJECTS, json={"id": project_id, "name": project_id})
    assert [p["id"] for p in (await admin.get(PROJECTS)).json()["items"]] == ["a", "b", "c"]
    first = (await admin.get(PROJECTS, params={"limit": 2})).json()
    rest = (await admin.get(PROJECTS, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [p["id"] for p in rest["items"]] == ["c"]
    assert rest["next_cursor"] is None
    scoped = clients.of("analyst", "b")
    assert [p["id"] for p in (await scoped.get(PROJECTS)).json()["items"]] == ["b"]


async def test_changed_drift_settings_ask_for_the_drift_of_the_models_they_concern(
    admin: httpx.AsyncClient, services: Services, project: str
) -> None:
    path = f"{PROJECTS}/{project}"
    _processed_day(services, project, "m1")
    _processed_day(services, project, "m2")
    assert (await admin.patch(path, json={"name": "New name"})).status_code == 200
    assert _revisions(services, "drift") == {"m1": 1, "m2": 1}

    of_one = {"models": {"m1": {"drift": {"bins": 20}}}}
    await admin.patch(path, json={"settings": of_one}, headers={"X-Request-ID": "why"})
    assert _revisions(services, "drift") == {"m1": 0, "m2": 1}
    with services.database.read() as connection:
        row = connection.execute(select(day_states).where(day_states.c.model_id == "m1")).one()
    assert (row.changes, row.revision, row.request_id) == (2, 1, "why")

    await admin.patch(path, json={"settings": {**of_one, "drift": {"alpha": 0.01}}})
    assert _revisions(services, "drift") == {"m1": 0, "m2": 0}
    assert (await admin.get(path)).json()["settings"] == {**of_one, "drift": {"alpha": 0.01}}


async def test_a_changed_meaning_of_labels_makes_the_performance_of_the_models_it_concerns_due(
    admin: httpx.AsyncClient, services: Services, project: str
) -> None:
    path = f"{PROJECTS}/{project}"
    _processed_day(services, project, "m1")
    _processed_day(services, project, "m2")
    of_one = {"models": {"m1": {"labels": {"positive": "No"}}}}
    assert (await admin.patch(path, json={"settings": of_one})).status_code == 200
    assert _revisions(services, "performance") == {"m1": 0, "m2": 1}
    assert _revisions(services, "drift") == {"m1": 1, "m2": 1}
    await admin.patch(path, json={"settings": {**of_one, "labels": {"task": "ordinal"}}})
    assert _revisions(services, "performance") == {"m1": 0, "m2": 0}


async def test_another_time_zone_lays_the_days_anew(admin: httpx.AsyncClient, services: Services, project: str) -> None:
    event = {
        "project_id": project,
        "model_id": "m",
        "timestamp": "2013-03-10T03:00:00Z",
        "latency_ms": 1,
        "y_pred": 1,
        "features": {},
    }
    assert (await admin.post("/api/v1/events", json=event)).is_success
    assert _events_by_day(services) == {"2013-03-09": 1}
    answer = await admin.patch(f"{PROJECTS}/{project}", json={"timezone": "UTC"})
    assert answer.json()["timezone"] == "UTC"
    assert _events_by_day(services) == {"2013-03-09": 0, "2013-03-10": 1}


async def test_a_wrong_change_changes_nothing(admin: httpx.AsyncClient, project: str) -> None:
    path = f"{PROJECTS}/{project}"
    before = (await admin.get(path)).json()
    for change in ({"timezone": "Nowhere"}, {"id": "other"}, {"settings": {"drift": {"bins": "x"}}}):
        assert (await admin.patch(path, json=change)).status_code == 422
    assert (await admin.get(path)).json() == before
    assert (await admin.patch(f"{PROJECTS}/none", json={"name": "x"})).status_code == 404


def _processed_day(services: Services, project_id: str, model_id: str) -> None:
    row = {"project_id": project_id, "model_id": model_id, "day": "2013-01-01", "events": 5, "changed_us": 1}
    done = {"revision": 1, "changes": 1, "lake_revision": 1, "profile_revision": 1, "drift_revision": 1}
    done |= {"performance_revision": 1, "retrain_revision": 1}
    with services.database.write() as connection:
        connection.execute(insert(day_states).values(row))
        connection.execute(update(day_states).where(day_states.c.model_id == model_id).values(done))


def _revisions(services: Services, stage: str) -> dict[str, int]:
    revision = day_states.c[f"{stage}_revision"]
    with services.database.read() as connection:
        rows = connection.execute(select(day_states.c.model_id, revision.label("revision"))).all()
    return {row.model_id: row.revision for row in rows}


def _events_by_day(services: Services) -> dict[str, int]:
    with services.database.read() as connection:
        return {row.day: row.events for row in connection.execute(select(day_states.c.day, day_states.c.events))}
