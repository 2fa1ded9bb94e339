"""The overview: as a route, and as the first page."""

from typing import Any

import httpx
import pytest

from guard_store.retraining.decisions import Actor, write_decision
from guard_store.retraining.flags import raise_flag
from tests.support.clients import Clients
from tests.support.gateway import spend
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
    changes = [(change["what"], change["version"], change["by"]) for change in overview["changes"]]
    assert changes == [("rejected", "3", "rule"), ("promoted", "2", "rule"), ("promoted", "1", "rule")]
    page = (await (await sign_in(clients, "analyst")).get("/")).text
    assert f"/projects/{project}/models/late" in page
    assert f'href="/projects/{project}/models/late/days/{day_of(2)}"' in page, "a cell of the strip is a link"
    assert page.count(f'href="/projects/{project}/models/late#volume"') == 1
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
    (captured,) = (await read(clients.of("analyst")))["changes"]
    assert (captured["what"], captured["version"], captured["by"]) == ("baseline_captured", "1", "person")
    assert captured["reason"] == f"days from {day_of(0)} to {day_of(0)}"
    metric = late["metric"]
    assert (metric["name"], metric["values"], metric["baseline"]) == ("roc_auc", [0.61], 0.72)
    assert (metric["low"], metric["high"]) == pytest.approx((0.51, 0.71))


async def test_spend_stands_beside_the_budget_that_is_spent_most(clients: Clients, project: str) -> None:
    services = clients.services
    services.projects.create("other", "Other")
    assert (await read(clients.of("analyst")))["spend"]["budget"] is None
    for owner, hard in ((project, 0.04), ("other", 0.0125)):
        budget = {"scope": "project", "scope_id": owner, "measure": "cost_usd", "period": "day", "hard": hard}
        assert (await clients.of("admin").put("/api/v1/budgets", json=budget)).status_code == 200
        await spend(services, owner, await services.gateway.day_of(owner))
    in_all = (await read(clients.of("analyst")))["spend"]
    assert (in_all["budget"]["scope_id"], in_all["budget"]["share"]) == ("other", 0.8)
    own = (await read(clients.of("analyst", project)))["spend"]
    assert own["cost_usd"] == 0.01, "the month of New York, where the day may be another one"
    assert (own["budget"]["scope_id"], own["budget"]["limit_usd"], own["budget"]["share"]) == (project, 0.04, 0.25)
    page = (await (await sign_in(clients, "analyst")).get("/")).text
    assert "80% of $0.01 a day of project other" in page


async def test_a_flag_of_the_rule_is_a_change_and_one_by_hand_is_told_once(
    clients: Clients, model: Model, project: str
) -> None:
    await model.send(0)
    with clients.services.database.write() as connection:
        raise_flag(
            connection, project, "late", day_of(0), 0, [{"rule": "age", "age_days": 31, "max_age_days": 30}], None, None
        )
    flags = clients.services.retrain_flags
    assert flags.force(project, "other", day_of(0), as_of_us=0, reason="why", actor=Actor("k", "admin", None))
    changes = (await read(clients.of("analyst")))["changes"]
    assert [(change["what"], change["model_id"], change["by"]) for change in changes] == [
        ("forced", "other", "person"),
        ("retrain_flag_raised", "late", "rule"),
    ]
