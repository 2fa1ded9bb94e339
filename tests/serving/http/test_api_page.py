"""`docs/api.md` is true: every route and metric is on it, and every role may exactly what it says."""

import httpx
from fastapi import FastAPI
from prometheus_client import REGISTRY
from starlette.routing import Route

from serving.health.metrics.families import FAMILIES
from serving.http.openapi import document
from serving.route_docs import insert_table, table_of
from tests.support.api import PAGE, DocumentedRoute, call_route, read_documented_metrics, read_documented_routes
from tests.support.clients import Clients

MAY = {
    "anyone": {"anonymous", "guest", "analyst", "admin", "admin of all"},
    "guest": {"guest", "analyst", "admin", "admin of all"},
    "analyst": {"analyst", "admin", "admin of all"},
    "admin": {"admin", "admin of all"},
    "admin of all": {"admin of all"},
}


def test_the_table_of_routes_is_what_the_app_says(app: FastAPI) -> None:
    assert insert_table(PAGE, table_of(app)) == PAGE, "run `python -m serving.route_docs`"


def test_raw_routes_are_in_the_openapi_document(app: FastAPI) -> None:
    raw = {route.path for route in app.routes if isinstance(route, Route)}
    assert {"/predict", "/v1/models", "/api/v1/events"} <= raw <= set(document(app)["paths"])


async def test_every_role_may_exactly_what_the_page_says(
    clients: Clients, anonymous: httpx.AsyncClient, project: str
) -> None:
    callers = {
        "anonymous": anonymous,
        "guest": clients.of("guest"),
        "analyst": clients.of("analyst", project),
        "admin": clients.of("admin", project),
        "admin of all": clients.of("admin"),
    }
    for route in read_documented_routes():
        for name, client in callers.items():
            status = await call_route(client, route, project)
            refused = 401 if name == "anonymous" else 403
            allowed = name in MAY[route.who]
            assert (status not in {401, 403}) if allowed else (status == refused), (route, name, status)
            assert status != 422, (route, name, status)
            assert status < 500, (route, name, status)


async def test_a_key_of_another_project_is_refused_wherever_a_project_is_named(clients: Clients, project: str) -> None:
    clients.services.projects.create("other", "Other")
    foreign = clients.of("admin", "other")
    named = [route for route in read_documented_routes() if "{project_id}" in route.path]
    bodies = {"/api/v1/events", "/api/v1/events/batch", "/api/v1/labels", "/api/v1/baselines"}
    bodies |= {"/research", "/api/v1/research", "/api/v1/tools/check"}
    named += [route for route in read_documented_routes() if route.path in bodies]
    named += [route for route in read_documented_routes() if route.path.startswith("/api/v1/costs")]
    named += [DocumentedRoute("POST", "/api/v1/keys", "admin")]
    assert len(named) > 15
    for route in named:
        assert await call_route(foreign, route, project) == 403, route


async def test_the_openapi_document_is_served_to_any_key(clients: Clients, app: FastAPI) -> None:
    answer = await clients.of("guest").get("/api/v1/openapi.json")
    assert answer.json() == document(app)
    assert "/api/v1/events" in answer.json()["paths"]


def test_every_metric_is_on_the_page_with_its_labels(app: FastAPI) -> None:
    declared = {name: labels for name, (_, labels) in FAMILIES.items()}
    for family in REGISTRY.collect():
        if family.name.startswith("ml_guard_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            declared[name] = REGISTRY._names_to_collectors[name]._labelnames  # type: ignore[attr-defined]
    assert {name: set(labels) for name, labels in declared.items()} == read_documented_metrics()
