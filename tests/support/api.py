"""The routes that `docs/api.md` lists, a valid request to each, and the form of errors."""

import re
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text()
_MEMBERS = {"type", "title", "status", "detail", "instance", "request_id"}


@dataclass(frozen=True)
class DocumentedRoute:
    """A row of the table of routes: method, path, and the least role that may call it."""

    method: str
    path: str
    who: str


def read_documented_routes() -> list[DocumentedRoute]:
    """Read the table of routes of `docs/api.md`."""
    table = PAGE.split("<!-- routes -->")[1].split("<!-- /routes -->")[0]
    return [
        DocumentedRoute(*row)
        for row in re.findall(r"^\| (\w+) \| `([^`]+)` \| ([^|]+?) \|", table, re.MULTILINE)
        if row
    ]


async def call_route(client: httpx.AsyncClient, route: DocumentedRoute, project: str) -> int:
    """Send a valid request to a route, and return the status of the answer."""
    path = route.path.format(
        project_id=project,
        model_id="m",
        version=1,
        feature="f",
        day="2013-01-01",
        key_id="none",
        trace_id="none",
        budget_id="none",
        request_id="none",
        alert_id="none",
        incident_id="none",
        message_id="none",
        name="p",
    )
    params = {"day": "2013-01-01"} if path.endswith("/slices") else {}
    params |= {"threshold": "0.15"} if path.endswith("/drift/preview") else {}
    params |= {"a": "1", "b": "2"} if path.endswith("/comparison") else {}
    params |= {"project_id": project} if path.startswith("/api/v1/costs") else {}
    params |= {"day": "2013-01-01"} if path.endswith("/costs/pull") else {}
    body = _body_of(route, project) if route.method in {"POST", "PUT", "PATCH"} else None
    return (await client.request(route.method, path, params=params, json=body)).status_code


def _body_of(route: DocumentedRoute, project: str) -> Any:
    event: dict[str, Any] = {"project_id": project, "model_id": "m", "timestamp": "2013-01-01T12:00:00Z"}
    event |= {"latency_ms": 1, "y_pred": 1, "features": {}}
    bodies: dict[str, Any] = {
        "/api/v1/events": event,
        "/api/v1/events/batch": [event],
        "/api/v1/labels": {"project_id": project, "event_id": "e", "y_true": 1, "observed_at": "2013-01-02T00:00:00Z"},
        "/predict": {"features": {}, "project_id": project, "model": "m"},
        "/api/v1/predict": {"features": {}, "project_id": project, "model": "m"},
        "/api/v1/projects": {"name": "New"},
        "/api/v1/projects/{project_id}": {"name": "Changed"},
        "/api/v1/baselines": {"project_id": project, "model_id": "m", "start": "2013-01-01", "end": "2013-01-02"},
        "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "x"}]},
        "/v1/responses": {"model": "m", "input": "x"},
        "/v1/embeddings": {"model": "m", "input": "x"},
        "/v1/feedback": {"request_id": "none", "value": "good"},
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


def check_problem(answer: httpx.Response, status: int) -> dict[str, object]:
    """Check that an answer is a problem (RFC 9457) with this status, and return its members."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = answer.json()
    assert set(body) >= _MEMBERS
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def read_documented_metrics() -> dict[str, set[str]]:
    """Return the labels of each metric on the page, by name."""
    rows = re.findall(r"^\| `(ml_guard_\w+)` \| ([^|]*) ?\|", PAGE, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
