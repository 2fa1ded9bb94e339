"""`docs/api.md` is true: every route and metric is on it, and every role may exactly what it says."""

import re
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from prometheus_client import REGISTRY
from starlette.routing import Route

from serving.http.openapi import document
from serving.route_docs import insert_table, table_of
from tests.support.clients import Clients
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text()
MAY = {
    "anyone": {"anonymous", "guest", "analyst", "admin", "admin of all"},
    "guest": {"guest", "analyst", "admin", "admin of all"},
    "analyst": {"analyst", "admin", "admin of all"},
    "admin": {"admin", "admin of all"},
    "admin of all": {"admin of all"},
}


@dataclass(frozen=True)
class DocumentedRoute:
    method: str
    path: str
    who: str


def documented_routes() -> list[DocumentedRoute]:
    table = PAGE.split("<!-- routes -->")[1].split("<!-- /routes -->")[0]
    return [
        DocumentedRoute(*row)
        for row in re.findall(r"^\| (\w+) \| `([^`]+)` \| ([^|]+?) \|", table, re.MULTILINE)
        if row
    ]


def body_of(route: DocumentedRoute, project: str) -> Any:
    event: dict[str, Any] = {"project_id": project, "model_id": "m", "timestamp": "2013-01-01T12:00:00Z"}
    event |= {"latency_ms": 1, "y_pred": 1, "features": {}}
    bodies: dict[str, Any] = {
        "/api/v1/events": event,
        "/api/v1/events/batch": [event],
        "/api/v1/labels": {"project_id": project, "event_id": "e", "y_true": 1, "observed_at": "2013-01-01T00:00:00Z"},
        "/predict": {"features": {}, "project_id": project, "model": "m"},
        "/api/v1/predict": {"features": {}, "project_id": project, "model": "m"},
        "/api/v1/projects": {"name": "New"},
        "/api/v1/projects/{project_id}": {"name": "Changed"},
        "/api/v1/baselines": {"project_id": project, "model_id": "m", "start": "2013-01-01", "end": "2013-01-02"},
        "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "x"}]},
        "/v1/embeddings": {"model": "m", "input": "x"},
        "/query": {"question": "What is GDPR?"},
        "/api/v1/query": {"question": "What is GDPR?", "project_id": None},
        "/research": {"topic": "retention", "project_id": project, "steps": ["search"]},
        "/api/v1/research": {"topic": "retention", "project_id": project, "steps": ["search"]},
        "/api/v1/tools/check": {"tool": "a", "project_id": project},
        "/api/v1/tools/record": {"call_id": "none", "outcome": "ok", "latency_ms": 1},
        "/api/v1/budgets": {
            "scope": "project",
            "scope_id": project,
            "measure": "tokens",
            "period": "day",
            "hard": 10**6,
        },
        "/api/v1/alerts/{alert_id}/mute": {"until": "2030-01-01T00:00:00Z", "reason": "a test"},
        "/api/v1/projects/{project_id}/alert-policies/{name}": {"when": "drift"},
        "/api/v1/keys": {"name": "k", "role": "guest", "project_id": project},
    }
    reasoned = ("/retrain", "/acknowledge", "/promote", "/reject", "/rollback", "/unmute")
    return {"reason": "a test"} if route.path.endswith(reasoned) else bodies.get(route.path, {"kind": "numeric"})


async def ask(client: httpx.AsyncClient, route: DocumentedRoute, project: str) -> int:
    path = route.path.format(
        project_id=project,
        model_id="m",
        version=1,
        feature="f",
        key_id="none",
        trace_id="none",
        budget_id="none",
        request_id="none",
        alert_id="none",
        message_id="none",
        name="p",
    )
    params = {"day": "2013-01-01"} if path.endswith("/slices") else {}
    params |= {"a": "1", "b": "2"} if path.endswith("/comparison") else {}
    params |= {"project_id": project} if path.startswith("/api/v1/costs") else {}
    params |= {"day": "2013-01-01"} if path.endswith("/costs/pull") else {}
    body = body_of(route, project) if route.method in {"POST", "PUT", "PATCH"} else None
    return (await client.request(route.method, path, params=params, json=body)).status_code


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
    for route in documented_routes():
        for name, client in callers.items():
            status = await ask(client, route, project)
            refused = 401 if name == "anonymous" else 403
            allowed = name in MAY[route.who]
            assert (status not in {401, 403}) if allowed else (status == refused), (route, name, status)
            assert status != 422, (route, name, status)
            assert status < 500, (route, name, status)


async def test_a_key_of_another_project_is_refused_wherever_a_project_is_named(clients: Clients, project: str) -> None:
    clients.services.projects.create("other", "Other")
    foreign = clients.of("admin", "other")
    named = [route for route in documented_routes() if "{project_id}" in route.path]
    bodies = {"/api/v1/events", "/api/v1/events/batch", "/api/v1/labels", "/api/v1/baselines"}
    bodies |= {"/research", "/api/v1/research", "/api/v1/tools/check"}
    named += [route for route in documented_routes() if route.path in bodies]
    named += [route for route in documented_routes() if route.path.startswith("/api/v1/costs")]
    named += [DocumentedRoute("POST", "/api/v1/keys", "admin")]
    assert len(named) > 15
    for route in named:
        assert await ask(foreign, route, project) == 403, route


async def test_the_openapi_document_is_served_to_any_key(clients: Clients, app: FastAPI) -> None:
    answer = await clients.of("guest").get("/api/v1/openapi.json")
    assert answer.json() == document(app)
    assert "/api/v1/events" in answer.json()["paths"]


def test_every_metric_is_on_the_page(app: FastAPI) -> None:
    names = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in REGISTRY.collect()
        if metric.name.startswith("ml_guard_")
    }
    assert names == set(re.findall(r"^\| `(ml_guard_\w+)` \|", PAGE, re.MULTILINE))
