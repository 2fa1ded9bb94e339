"""Projects, models and features with a typo are not found, and the most similar one is suggested to callers who may see it."""

import httpx
import pytest

from serving.app import Services
from tests.support.api import check_problem
from tests.support.clients import Clients
from tests.support.model_days import MODEL, Model, day_of

_PATHS = (
    "days",
    "metrics",
    "slices?day=2013-01-01",
    "profiles",
    "drift",
    "performance",
    "drift/matrix",
    "series",
    "timeline",
    "slices/series",
    "kinds",
    "baselines",
    "retrain",
    "flags",
    "report",
    "",
)


@pytest.mark.usefixtures("project")
async def test_a_misspelt_project_is_suggested(analyst: httpx.AsyncClient) -> None:
    body = check_problem(await analyst.get("/api/v1/projects/Flight"), 404)
    assert body["detail"] == "There is no project 'Flight'. Did you mean 'flights'?"
    body = check_problem(await analyst.get("/api/v1/projects/taxi"), 404)
    assert body["detail"] == "There is no project 'taxi': make it with POST /api/v1/projects."


@pytest.mark.usefixtures("project")
async def test_ingestion_predictions_and_tools_suggest_a_project_too(analyst: httpx.AsyncClient) -> None:
    event = {
        "project_id": "FLIGHTS",
        "model_id": "m",
        "timestamp": "2013-01-01T00:00:00Z",
        "latency_ms": 1,
        "y_pred": 1,
    }
    event |= {"features": {"a": 1}}
    bodies = {
        "/api/v1/events": event,
        "/api/v1/events/batch": [event],
        "/api/v1/query": {"question": "Why?", "project_id": "FLIGHTS"},
        "/predict": {"project_id": "FLIGHTS", "model": "m", "features": {"a": 1}},
    }
    for path, body in bodies.items():
        problem = check_problem(await analyst.post(path, json=body), 404)
        assert str(problem["detail"]).endswith("no project 'FLIGHTS'. Did you mean 'flights'?"), path


@pytest.mark.usefixtures("project")
async def test_a_key_of_one_project_is_shown_no_other_project(clients: Clients, services: Services) -> None:
    services.projects.create("shop", "Shop")
    answer = await clients.of("analyst", "shop").get("/api/v1/projects/flight")
    assert check_problem(answer, 403)["detail"] == "This key is of project 'shop' only, not of 'flight'."
    assert "flights" not in answer.text


@pytest.mark.parametrize("path", _PATHS)
async def test_a_model_of_which_nothing_is_stored_is_not_found(
    analyst: httpx.AsyncClient, model: Model, project: str, path: str
) -> None:
    await model.send(0)
    body = check_problem(await analyst.get(f"/api/v1/projects/{project}/models/Lat/{path}".rstrip("/")), 404)
    assert body["detail"] == (
        "Project 'flights' has no model 'Lat': there is no event, baseline or setting of it. Did you mean 'late'?"
    )


async def test_a_model_with_settings_or_a_kind_only_is_known_and_suggested(
    admin: httpx.AsyncClient, project: str, services: Services
) -> None:
    await admin.patch(f"/api/v1/projects/{project}", json={"settings": {"models": {"churn": {}}}})
    services.kinds.learn(project, "returns", {"feature_age": "numeric"})
    for model_id in ("churn", "returns"):
        answer = await admin.get(f"/api/v1/projects/{project}/models/{model_id}/drift")
        assert answer.json()["state"] == "no_events"
        body = check_problem(await admin.get(f"/api/v1/projects/{project}/models/{model_id}s/drift"), 404)
        assert str(body["detail"]).endswith(f"Did you mean {model_id!r}?")


async def test_a_feature_that_the_model_never_had_is_not_found_on_any_day(
    analyst: httpx.AsyncClient, model: Model, project: str, services: Services
) -> None:
    await model.send(0)
    services.kinds.learn(project, MODEL, {"feature_age": "numeric", "feature_carrier": "categorical"})
    quiet_day = day_of(9)
    body = check_problem(await analyst.get(f"{model.path}/drift/{quiet_day}/features/Carier"), 404)
    assert body["detail"] == (
        "Model 'late' has no feature 'Carier': neither its events nor its baseline have it. Did you mean 'carrier'?"
    )
    for feature in ("age", "latency_ms"):
        assert (await analyst.get(f"{model.path}/drift/{quiet_day}/features/{feature}")).json()["state"] == "no_events"
    unread = await analyst.get(f"{model.path}/drift/{day_of(0)}/features/new")
    assert unread.json()["state"] == "not_processed"
