"""The overview: as a route, and as the first page."""

from typing import Any

import httpx
import pytest

from guard_store.retraining.decisions import write_decision
from tests.support.clients import Clients
from tests.support.model_days import Model, day_of
from tests.support.pages import sign_in


async def read(client: httpx.AsyncClient, **params: Any) -> Any:
    answer = await client.get("/api/v1/overview", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def store_drift(clients: Clients, project: str, day: str, state: str) -> None:
    clients.services.drift_reports.replace(
        project, "late", day, state=state, baseline_id=None, window_days=1, report={}, revision=1, run_id=None
    )


def store_decision(clients: Clients, project: str, action: Any, version: str) -> None:
    with clients.services.database.write() as connection:
        write_decision(connection, project, "late", action, reason="measured", actor=None, version=version)


async def test_without_events_the_overview_is_empty_and_the_page_shows_how_to_send_one(clients: Clients) -> None:
    overview = await read(clients.of("analyst"))
    assert overview["models"] == []
    assert (overview["events"], overview["rejected"], overview["findings"]) == (0, 0, {})
    page = (await (await sign_in(clients, "analyst")).get("/")).text
    assert "No model has sent events yet" in page
    assert "curl http://" in page


async def test_a_model_has_its_newest_days_with_their_volume_verdicts_and_champion(
    clients: Clients, model: Model, project: str
) -> None:
    for number in range(3):
        await model.send(number, rows=number + 1)
    store_drift(clients, project, day_of(1), "stable")
    store_drift(clients, project, day_of(2), "drift")
    store_decision(clients, project, "promoted", "1")
    store_decision(clients, project, "promoted", "2")
    store_decision(clients, project, "rejected", "3")
    overview = await read(clients.of("analyst"), days=2)
    (late,) = overview["models"]
    assert late["days"] == [day_of(1), day_of(2)]
    assert late["events"] == [2, 3]
    assert late["verdicts"] == ["stable", "drift"]
    assert late["champion"]["version"] == "2"
    assert late["metric"] is None
    assert [decision["version"] for decision in overview["decisions"]] == ["3", "2", "1"]
    page = (await (await sign_in(clients, "analyst")).get("/")).text
    assert f"/projects/{project}/models/late" in page
    assert "No alert needs you; your model has no recent verdict" in page
    assert "no open alert" in page
    assert "no events since 3 Jan 2013" in page


async def test_a_key_of_a_project_sees_only_its_models(clients: Clients, model: Model, project: str) -> None:
    await model.send(0)
    clients.services.projects.create("other", "Other")
    assert len((await read(clients.of("analyst", project)))["models"]) == 1
    other = await read(clients.of("analyst", "other"))
    assert (other["models"], other["events"]) == ([], 0)


async def test_the_realised_metric_stands_beside_that_of_the_baseline(
    clients: Clients, model: Model, project: str
) -> None:
    await model.send(0)
    model.profile(0)
    window = {"project_id": project, "model_id": "late", "start": day_of(0), "end": day_of(0)}
    assert (await clients.of("analyst").post("/api/v1/baselines", json=window)).status_code == 201
    model.measure(0, realised=0.61, baseline=0.72)
    (late,) = (await read(clients.of("analyst")))["models"]
    metric = late["metric"]
    assert (metric["name"], metric["values"], metric["baseline"]) == ("roc_auc", [0.61], 0.72)
    assert (metric["low"], metric["high"]) == pytest.approx((0.51, 0.71))
