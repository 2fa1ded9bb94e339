"""Usage is told by what it is asked by; budgets are set, shown, removed by those whose they are."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from serving.app import Services
from tests.support.clients import Clients
from tests.support.gateway import spend


async def test_usage_is_summed_by_what_is_asked(services: Services, analyst: httpx.AsyncClient, project: str) -> None:
    day = await services.gateway.day_of(project)
    for user, model, latency_ms in (("anna", "m", 100), ("anna", "n", None), ("bert", "m", 900)):
        await spend(services, project, day, user=user, model=model, latency_ms=latency_ms)
    (total,) = (await analyst.get("/api/v1/usage", params={"project_id": project})).json()["items"]
    assert (total["day"], total["requests"], total["tokens_in"], total["cost_usd"]) == (day.isoformat(), 3, 30, 0.03)
    assert total["latency_p50_ms"] == pytest.approx(100, rel=0.19)
    assert total["latency_p95_ms"] == pytest.approx(900, rel=0.19)
    page = (await analyst.get("/api/v1/usage", params={"group_by": "end_user,model", "limit": 2})).json()
    assert [(row["end_user"], row["model"]) for row in page["items"]] == [("anna", "m"), ("anna", "n")]
    assert [row["latency_p95_ms"] for row in page["items"]] == [pytest.approx(100, rel=0.19), None]
    params = {"group_by": "end_user,model", "limit": 2, "cursor": page["next_cursor"]}
    (last,) = (await analyst.get("/api/v1/usage", params=params)).json()["items"]
    assert (last["end_user"], last["tokens_out"]) == ("bert", 5)
    assert last["latency_p50_ms"] == pytest.approx(900, rel=0.19)


async def test_a_summary_has_usage_by_day_and_the_most_expensive_first(
    services: Services, analyst: httpx.AsyncClient, project: str
) -> None:
    day = await services.gateway.day_of(project)
    for offset, user, model in ((0, "anna", "m"), (0, "anna", "n"), (1, "bert", "n"), (1, "anna", "n")):
        latency_ms = 10 ** (2 - offset) if model == "n" else None
        await spend(services, project, day - timedelta(offset), user=user, model=model, latency_ms=latency_ms)
    params = {"start": (day - timedelta(2)).isoformat(), "end": day.isoformat()}
    summary = (await analyst.get("/api/v1/usage/summary", params=params)).json()
    assert summary["days"] == [(day - timedelta(offset)).isoformat() for offset in (2, 1, 0)]
    assert [(model["model"], model["cost_usd"], model["tokens_in"]) for model in summary["models"]] == [
        ("n", [0.0, 0.02, 0.01], [0, 20, 10]),
        ("m", [0.0, 0.0, 0.01], [0, 0, 10]),
    ]
    ten, hundred = pytest.approx(10, rel=0.19), pytest.approx(100, rel=0.19)
    assert summary["latency_p95_ms"] == [None, ten, hundred]
    assert [model["latency_p50_ms"] for model in summary["models"]] == [[None, ten, hundred], [None, None, None]]
    assert [row["latency_p50_ms"] for row in summary["by_user"]] == [ten, ten]
    assert [(row["end_user"], row["requests"]) for row in summary["by_user"]] == [("anna", 3), ("bert", 1)]
    assert (summary["total"]["cost_usd"], summary["by_key"][0]["key_id"]) == (0.04, "k")
    assert (await analyst.get("/api/v1/usage/summary", params={"end": "2001-01-01"})).json()["total"] is None


async def test_a_key_of_one_project_sees_that_projects_usage_only(clients: Clients, project: str) -> None:
    services = clients.services
    services.projects.create("other", "Other")
    await spend(services, "other", await services.gateway.day_of("other"))
    mine = clients.of("analyst", project)
    assert (await mine.get("/api/v1/usage")).json()["items"] == []
    assert (await mine.get("/api/v1/usage", params={"project_id": "other"})).status_code == 403


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"group_by": "colour"}, "group_by"),
        ({"start": "2013-02-01", "end": "2013-01-01"}, "start"),
        ({"day": 1}, "day"),
    ],
)
async def test_a_wrong_parameter_is_named(analyst: httpx.AsyncClient, params: dict[str, Any], field: str) -> None:
    answer = await analyst.get("/api/v1/usage", params=params)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_a_budget_is_set_shown_changed_and_removed(
    services: Services, admin: httpx.AsyncClient, project: str
) -> None:
    wanted = {
        "scope": "project",
        "scope_id": project,
        "measure": "cost_usd",
        "period": "month",
        "soft": 1.5,
        "hard": "2.25",
    }
    made = (await admin.put("/api/v1/budgets", json=wanted)).json()
    assert (made["soft"], made["hard"], made["spent"], len(made["span"])) == (1.5, 2.25, 0.0, 7)
    day = await services.gateway.day_of(project)
    next_month = (day.replace(day=1) + timedelta(32)).replace(day=1)
    resets_at = datetime.fromisoformat(made["resets_at"]).astimezone(ZoneInfo("America/New_York"))
    assert (resets_at.date(), resets_at.hour) == (next_month, 0)
    changed = (await admin.put("/api/v1/budgets", json={**wanted, "hard": 3})).json()
    assert (changed["id"], changed["hard"]) == (made["id"], 3.0)
    assert [budget["id"] for budget in (await admin.get("/api/v1/budgets")).json()["items"]] == [made["id"]]
    assert (await admin.delete(f"/api/v1/budgets/{made['id']}")).status_code == 204
    assert (await admin.delete(f"/api/v1/budgets/{made['id']}")).status_code == 404


@pytest.mark.parametrize(
    "change",
    [{"soft": None, "hard": None}, {"soft": 5, "hard": 1}, {"hard": -1}, {"period": "week"}, {"measure": "euros"}],
)
async def test_a_budget_that_makes_no_sense_is_refused(
    admin: httpx.AsyncClient, project: str, change: dict[str, Any]
) -> None:
    wanted = {"scope": "project", "scope_id": project, "measure": "tokens", "period": "day", "hard": 5}
    assert (await admin.put("/api/v1/budgets", json={**wanted, **change})).status_code == 422


async def test_budgets_belong_to_the_admins_of_their_project(clients: Clients, project: str) -> None:
    clients.services.projects.create("other", "Other")
    foreign = clients.of("admin", "other")
    wanted = {"scope": "project", "scope_id": project, "measure": "tokens", "period": "day", "hard": 5}
    assert (await foreign.put("/api/v1/budgets", json=wanted)).status_code == 403
    everyone, _ = clients.services.keys.create("all", "analyst", None)
    of_all = {**wanted, "scope": "key", "scope_id": everyone.id}
    assert (await foreign.put("/api/v1/budgets", json=of_all)).status_code == 403
    admin = clients.of("admin")
    assert (await admin.put("/api/v1/budgets", json=of_all)).status_code == 200
    made = (await admin.put("/api/v1/budgets", json=wanted)).json()
    assert (await foreign.get("/api/v1/budgets")).json() == {"items": [], "next_cursor": None, "state": "no_budgets"}
    assert (await foreign.delete(f"/api/v1/budgets/{made['id']}")).status_code == 404
    assert (await admin.put("/api/v1/budgets", json={**wanted, "scope_id": "none"})).status_code == 404
