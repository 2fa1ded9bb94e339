"""Costs over HTTP: pulled as the specification writes it, read by local day, by prediction, by the end of the month."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from guard_core.days import local_days, now_us
from guard_store.costs.rows import CostDay, CostLine
from guard_store.costs.store import CostStore
from guard_store.ingest.rows import EventRow
from guard_store.monitoring.aggregates import Slice
from serving.app import Services
from tests.support.aws import OddAws, SeededAws, line, page, period
from tests.support.clients import Clients
from tests.support.gateway import spend
from tests.support.ledger import read_ledger
from tests.support.stored_events import event, store

DAY = "2026-01-31"


def stored(day: str, *lines: CostLine, **changed: Any) -> CostDay:
    said: dict[str, Any] = {"state": "ok", "reason": None, "basis": "utc_day", "estimated": False, "pulled_us": 1}
    return CostDay("flights", day, "aws", lines=lines, **(said | changed))


def dollars(service: str, amount: str, currency: str = "USD") -> CostLine:
    return CostLine(service, "flights", currency, Decimal(amount), Decimal(amount))


async def read(client: httpx.AsyncClient, project: str, what: str = "", **params: Any) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/costs{what}", params={"project_id": project, **params})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def pull(client: httpx.AsyncClient, project: str, **params: Any) -> httpx.Response:
    return await client.post("/api/v1/costs/pull", params={"project_id": project, **params})


async def test_a_pull_as_the_specification_writes_it(
    aws: SeededAws, admin: httpx.AsyncClient, analyst: httpx.AsyncClient, project: str
) -> None:
    assert await read(analyst, project) == {"items": [], "next_cursor": None, "state": "not_pulled"}
    aws.seed(
        page(period(DAY, line("Amazon S3", project, "0.0000000004"), line("EC2", project, "12.34", amortised="7")))
    )
    answer = await pull(admin, project, day=DAY, overwrite="true")
    pulled = answer.json()
    assert (answer.status_code, pulled["state"], pulled["reason"]) == (200, "ok", None)
    assert (pulled["requests"], pulled["requests_cost_usd"], pulled["kept"], pulled["failed"]) == (1, "0.01", [], [])
    (day,) = (await read(analyst, project, start=DAY, end=DAY))["items"]
    assert pulled["days"] == [day]
    assert (day["day"], day["state"], day["basis"], day["estimated"]) == (DAY, "ok", "utc_day", False)
    assert day["totals"] == [{"currency": "USD", "unblended": "12.3400000004", "amortised": "7.0000000004"}]
    (source,) = day["sources"]
    assert [(s["service"], s["label"], s["unblended"]) for s in source["services"]] == [
        ("Amazon S3", project, "0.0000000004"), ("EC2", project, "12.34"),
    ]  # fmt: skip
    assert [a["state"] for a in source["anomalies"]] == ["insufficient_data"]


async def test_final_days_are_kept_unless_they_are_to_be_overwritten(
    odd_aws: OddAws, admin: httpx.AsyncClient, project: str
) -> None:
    odd_aws.queue.append(page(period("2026-01-30", line("S3", project, "1")), period(DAY, line("S3", project, "2"))))
    await pull(admin, project, start="2026-01-30", end=DAY)
    again = (await pull(admin, project, start="2026-01-30", end=DAY, overwrite="false")).json()
    assert (again["kept"], again["requests"], len(again["days"])) == (["2026-01-30", DAY], 0, 2)
    odd_aws.queue.append(page(period(DAY, line("S3", project, "3"))))
    overwritten = (await pull(admin, project, day=DAY, overwrite="true")).json()
    assert overwritten["days"][0]["totals"][0]["unblended"] == "3"
    assert len(odd_aws.asked) == 2


async def test_without_credentials_the_answer_says_so_and_is_no_error(
    admin: httpx.AsyncClient, services: Services, project: str
) -> None:
    answer = await pull(admin, project, day=DAY)
    assert answer.status_code == 200
    said = answer.json()
    assert (said["state"], said["reason"]) == ("unavailable", "there are no AWS credentials")
    assert said["failed"] == [{"day": DAY, "reason": "there are no AWS credentials"}]
    assert [(d["state"], d["totals"]) for d in said["days"]] == [("unavailable", [])]
    (row,) = read_ledger(services, route="/api/v1/costs/pull")
    assert row["project_id"] == project
    told = {"start": DAY, "end": DAY, "state": "unavailable", "requests": 0}
    assert json.loads(row["details"]) == {"costs": told}


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "day"),
        ({"day": DAY, "start": DAY, "end": DAY}, "day"),
        ({"start": DAY}, "day"),
        ({"start": DAY, "end": "2026-01-01"}, "start"),
        ({"start": "2025-01-01", "end": "2025-12-31"}, "end"),
        ({"day": "2099-01-01"}, "day"),
        ({"day": "0001-01-01"}, "day"),
        ({"day": "20260131"}, "day"),
        ({"day": ""}, "day"),
        ({"start": "", "end": DAY}, "start"),
        ({"start": DAY, "end": ""}, "end"),
        ({"day": DAY, "overwrite": "perhaps"}, "overwrite"),
    ],
)
async def test_days_that_are_none_are_refused_before_anything_is_asked(
    odd_aws: OddAws, admin: httpx.AsyncClient, project: str, params: dict[str, str], field: str
) -> None:
    answer = await pull(admin, project, **params)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert odd_aws.asked == []


async def test_an_empty_day_is_refused_by_name_on_every_route(analyst: httpx.AsyncClient, project: str) -> None:
    for path, field in (("/forecast", "day"), ("", "start"), ("", "end"), ("/units", "start")):
        answer = await analyst.get(f"/api/v1/costs{path}", params={"project_id": project, field: ""})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), path


async def test_only_admins_of_the_project_spend_money_on_a_pull(
    odd_aws: OddAws, clients: Clients, project: str
) -> None:
    clients.services.projects.create("other", "Other")
    for client in (clients.of("analyst"), clients.of("admin", "other"), clients.of("guest")):
        assert (await pull(client, project, day=DAY)).status_code == 403
    assert odd_aws.asked == []
    assert (await pull(clients.of("admin"), "none", day=DAY)).status_code == 404


async def test_days_come_in_pages_with_both_sources_and_each_currency_by_itself(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    cny = stored("2026-01-30", dollars("S3", "1"), dollars("S3", "8", "CNY"), estimated=True)
    llm = CostDay(project, "2026-01-30", "llm", "partial", "1 calls", "local_day", False, 2, (dollars("m", "0.5"),))
    CostStore(services.database).replace([stored("2026-01-29"), cny, llm, stored(DAY, dollars("S3", "2"))])
    first = await read(analyst, project, limit=2)
    assert [day["day"] for day in first["items"]] == ["2026-01-29", "2026-01-30"]
    both = first["items"][1]
    assert [(total["currency"], total["unblended"]) for total in both["totals"]] == [("CNY", "8"), ("USD", "1.5")]
    assert (both["state"], both["estimated"], [s["source"] for s in both["sources"]]) == (
        "partial", True, ["aws", "llm"],
    )  # fmt: skip
    second = await read(analyst, project, limit=2, cursor=first["next_cursor"])
    assert ([day["day"] for day in second["items"]], second["next_cursor"]) == ([DAY], None)


async def predicted(services: Services, project: str, counts: dict[str, int]) -> None:
    sent: list[EventRow] = [event(project, model, f"{DAY}T17:00:00Z") for model in counts]
    store(services.database, sent)
    for model, count in counts.items():
        whole = Slice("", "", count, {"count": count}, b"")
        services.aggregates.replace_day(project, model, DAY, [whole], lake_version=1, revision=1, run_id=None)


async def test_units_share_the_clouds_costs_by_predictions_and_tell_language_models_by_usage(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    await predicted(services, project, {"a": 3_000, "b": 1_000})
    for model in ("gpt", "gpt", "mini"):
        await spend(services, project, date.fromisoformat(DAY), model=model)
    of_models = CostLine("language models", "gpt", "USD", Decimal("0.03"), Decimal("0.03"))
    CostStore(services.database).replace([
        stored(DAY, dollars("EC2", "10"), dollars("EC2", "6", "CNY")),
        CostDay(project, DAY, "llm", "ok", None, "local_day", False, 1, (of_models,)),
    ])  # fmt: skip
    (day,) = (await read(analyst, project, "/units"))["items"]
    assert (day["predictions"], day["basis"]) == (4_000, "utc_day")
    costs = {cost["currency"]: cost for cost in day["costs"]}
    assert (costs["USD"]["cloud"], costs["USD"]["llm"], costs["USD"]["total"]) == ("10", "0.03", "10.03")
    assert Decimal(costs["USD"]["per_1000_predictions"]) == Decimal("2.5075")
    assert (costs["CNY"]["cloud"], costs["CNY"]["llm"]) == ("6", None)
    shares = {model["model_id"]: model for model in day["models"]}
    assert {name: (model["share"], Decimal(model["cloud"]["USD"])) for name, model in shares.items()} == {
        "a": (0.75, Decimal("7.5")),
        "b": (0.25, Decimal("2.5")),
    }
    assert {Decimal(model["per_1000_predictions"]["USD"]) for model in shares.values()} == {Decimal("2.5")}
    assert [(m["model"], m["requests"], m["cost_usd"]) for m in day["llm_models"]] == [
        ("gpt", 2, "0.02"), ("mini", 1, "0.01"),
    ]  # fmt: skip
    assert Decimal(day["llm_models"][0]["per_1000_requests_usd"]) == Decimal(10)


async def test_a_day_without_predictions_has_no_cost_of_one(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    CostStore(services.database).replace([stored(DAY, dollars("EC2", "10"))])
    CostStore(services.database).fail(project, "aws", ["2026-02-01"], "no", "utc_day")
    day, unknown = (await read(analyst, project, "/units"))["items"]
    assert (day["predictions"], day["models"], day["costs"][0]["total"]) == (0, [], "10")
    assert day["costs"][0]["per_1000_predictions"] is None
    assert (unknown["state"], unknown["costs"]) == ("unavailable", [])


async def test_calls_of_language_models_are_told_with_a_pull_too(
    admin: httpx.AsyncClient, services: Services, project: str
) -> None:
    today = await services.gateway.day_of(project)
    await spend(services, project, today, model="gpt")
    said = (await pull(admin, project, day=today.isoformat())).json()
    (day,) = said["days"]
    assert (day["state"], day["estimated"], day["totals"][0]["unblended"]) == ("partial", True, "0.01")
    assert [line["label"] for line in day["sources"][1]["services"]] == ["gpt"]


async def test_the_month_is_forecast_by_source_and_currency(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    yesterday = local_days("America/New_York").of(now_us()) - timedelta(days=1)
    days = [yesterday - timedelta(days=n) for n in range(60)]
    CostStore(services.database).replace([stored(day.isoformat(), dollars("EC2", "2")) for day in days])
    said = await read(analyst, project, "/forecast")
    assert (said["as_of"], said["month"], said["confidence"]) == (yesterday.isoformat(), f"{yesterday:%Y-%m}", 0.8)
    (item,) = said["items"]
    known, unknown = item["known_days"], item["unknown_days"]
    assert (item["source"], item["currency"], item["state"], item["spent"]) == ("aws", "USD", "ok", known * 2.0)
    assert item["expected"] == pytest.approx((known + unknown) * 2.0)
    early = await read(analyst, project, "/forecast", day=(yesterday - timedelta(days=50)).isoformat())
    assert (early["items"][0]["state"], early["items"][0]["expected"]) == ("insufficient_data", None)
    for params in ({"day": "0001-01-01"}, {"day": "2100-01-01"}, {"confidence": 2}):
        answer = await analyst.get("/api/v1/costs/forecast", params={"project_id": project, **params})
        assert answer.status_code == 422


async def test_the_month_has_calls_up_to_now_and_aws_by_service(
    services: Services, analyst: httpx.AsyncClient, project: str
) -> None:
    services.projects.create("other", "Other", "America/New_York")
    today = local_days("America/New_York").of(now_us())
    for owner in (project, "other"):
        await spend(services, owner, today)
    await spend(services, "other", today.replace(day=1) - timedelta(days=3))  # not of this month
    day = today.isoformat()
    CostStore(services.database).replace([stored(day, dollars("S3", "0.1"), dollars("EC2", "5"))])
    own = await read(analyst, project, "/month")
    assert (own["llm_usd"], own["month"], own["llm"]["state"]) == ("0.01", day[:7], "insufficient_data")
    assert own["llm"]["lacking_days"] > 0
    assert [(row["service"], row["unblended"]) for row in own["aws"]] == [("EC2", "5"), ("S3", "0.1")]
    everything = (await analyst.get("/api/v1/costs/month")).json()
    month_of_server = f"{local_days('UTC').of(now_us()):%Y-%m}"  # in its first hours, New York's is the one before
    in_all = "0.02" if month_of_server == day[:7] else "0"
    assert (everything["llm_usd"], everything["project_id"], everything["month"]) == (in_all, None, month_of_server)
