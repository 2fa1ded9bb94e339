"""Lists: one shape everywhere, and items with the selected fields only."""

from typing import Any

import httpx
import pytest

from guard_core.settings import Settings
from serving.app import create_app
from serving.http.openapi import document
from tests.support.clients import Clients
from tests.support.model_days import Model

_FIELDS = "fields"


def _lists(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the GET operations by path whose answer is a list, or has `items` and a cursor."""
    api = document(create_app(settings))
    found = {}
    for path, operations in api["paths"].items():
        schema = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = schema.get("application/json", {}).get("schema", {})
        name = schema.get("$ref", "").rsplit("/", 1)[-1]
        is_page = "next_cursor" in api["components"]["schemas"].get(name, {}).get("properties", {})
        if is_page or schema.get("type") == "array":
            found[path] = operations["get"]
    return found


def test_every_list_is_a_page_whose_fields_can_be_selected(settings: Settings) -> None:
    lists = _lists(settings)
    assert {"/api/v1/budgets", "/api/v1/audit", "/api/v1/projects/{project_id}/models/{model_id}/drift"} < lists.keys()
    for path, operation in lists.items():
        assert "$ref" in operation["responses"]["200"]["content"]["application/json"]["schema"], path
        assert _FIELDS in {parameter["name"] for parameter in operation["parameters"]}, path


async def test_items_have_the_selected_fields_only(analyst: httpx.AsyncClient, model: Model, project: str) -> None:
    whole = (await analyst.get("/api/v1/projects")).json()
    answer = await analyst.get("/api/v1/projects", params={_FIELDS: "name, id"})
    assert answer.json() == {
        **whole,
        "items": [{name: item[name] for name in ("id", "name")} for item in whole["items"]],
    }
    assert answer.headers["content-length"] == str(len(answer.content))
    assert [item["id"] for item in answer.json()["items"]] == [project]


async def test_the_fields_of_a_page_do_not_change_the_next_one(clients: Clients, admin: httpx.AsyncClient) -> None:
    for name in ("a", "b", "c"):
        clients.services.projects.create(name, name, "UTC")
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        params = {"limit": "1", _FIELDS: "id", **cursor}
        page = (await admin.get("/api/v1/projects", params=params)).json()
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == ["a", "b", "c"]


@pytest.mark.parametrize(("fields", "named"), [("nam", "Did you mean 'name'?"), ("", "no ''"), ("name,", "no ''")])
async def test_an_unknown_field_is_refused_with_those_that_there_are(
    analyst: httpx.AsyncClient, fields: str, named: str
) -> None:
    answer = await analyst.get("/api/v1/projects", params={_FIELDS: fields})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == _FIELDS
    assert named in error["reason"]
    assert "they have id, name, timezone" in error["reason"]


async def test_what_is_no_list_has_no_fields_to_select(analyst: httpx.AsyncClient) -> None:
    answer = await analyst.get("/api/v1/overview", params={_FIELDS: "models"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, _FIELDS)
