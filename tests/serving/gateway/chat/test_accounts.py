"""Ledger, usage, budgets and the upstream's own count agree to the token and to the billionth of a dollar, however a call ends."""

import asyncio
import json
import time
from typing import Any

import httpx
import openai as lib
import pytest
from openai import AsyncOpenAI

from guard_core.units import NANO
from guard_store.spending.usage import USAGE_GROUPS, UsageStore
from serving.app import Services
from tests.support.gateway import LONG, SAY, check_accounts, wait_for_calls
from tests.support.ledger import read_ledger
from tests.support.result_gauges import read_samples
from tests.support.upstream import Upstream


async def whole(openai: AsyncOpenAI, model: str = "stub", **more: Any) -> None:
    await openai.chat.completions.create(model=model, messages=[{"role": "user", "content": SAY}], **more)


async def stream(openai: AsyncOpenAI, model: str = "stub", *, stop_after: int | None = None) -> None:
    answer = await openai.chat.completions.create(model=model, messages=[{"role": "user", "content": SAY}], stream=True)
    n = 0
    async for _ in answer:
        n += 1
        if n == stop_after:
            await answer.close()
            return


async def embed(openai: AsyncOpenAI, model: str = "stub", **_: Any) -> None:
    await openai.embeddings.create(model=model, input=["one two", "three"], encoding_format="float")


@pytest.fixture(autouse=True)
def _budgets(services: Services, project: str) -> None:
    for measure, hard in (("cost_usd", 1000 * NANO), ("tokens", 10**9), ("requests", 10**6)):
        services.gateway.budgets.put("project", project, measure, "day", soft=None, hard=hard)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", ["stub", "stub-cached"])
@pytest.mark.parametrize("ask", [whole, stream, embed])
async def test_a_call_that_succeeds(
    openai: AsyncOpenAI, services: Services, upstream: Upstream, ask: Any, model: str
) -> None:
    await ask(openai, model)
    await check_accounts(services, [upstream], 1)
    (row,) = await wait_for_calls(services, 1)
    assert (row["tokens_estimated"], row["status"], row["project_id"]) == (False, 200, "flights")


@pytest.mark.parametrize("ask", [whole, stream, embed])
async def test_calls_at_once(openai: AsyncOpenAI, services: Services, upstream: Upstream, ask: Any) -> None:
    await asyncio.gather(*(ask(openai) for _ in range(20)))
    await check_accounts(services, [upstream], 20)


@pytest.mark.parametrize("ask", [whole, stream, embed])
async def test_a_call_that_is_retried_costs_once(
    openai: AsyncOpenAI, services: Services, upstream: Upstream, ask: Any
) -> None:
    upstream.fail = [503]
    await ask(openai)
    assert upstream.requests == 2
    await check_accounts(services, [upstream], 1)
    (row,) = await wait_for_calls(services, 1)
    assert json.loads(row["details"])["attempts"] == 2


@pytest.mark.parametrize("ask", [whole, stream, embed])
async def test_a_fallback_is_charged_at_its_own_price_and_name(
    openai: AsyncOpenAI, services: Services, upstream: Upstream, spare: Upstream, ask: Any
) -> None:
    upstream.fail = [500, 500]
    await ask(openai)
    assert spare.seen[0]["model"] == "spare"
    await check_accounts(services, [upstream, spare], 1)
    assert (await wait_for_calls(services, 1))[0]["model"] == "spare"


@pytest.mark.parametrize("ask", [whole, stream, embed])
@pytest.mark.parametrize("status", [400, 500, 0])
async def test_a_call_that_fails_costs_nothing_and_holds_nothing(
    openai: AsyncOpenAI, services: Services, upstream: Upstream, spare: Upstream, ask: Any, status: int
) -> None:
    upstream.fail, spare.fail = [status] * 9, [status] * 9
    with pytest.raises(lib.APIError):
        await ask(openai)
    await check_accounts(services, [upstream, spare], 1)
    assert (await wait_for_calls(services, 1))[0]["status"] == (400 if status == 400 else 502)


@pytest.mark.parametrize("model", ["stub-continuous", "stub"])
async def test_an_aborted_stream_is_charged_for_what_was_produced(
    openai: AsyncOpenAI, services: Services, upstream: Upstream, model: str
) -> None:
    upstream.say, upstream.delay_s = LONG, 0.1
    await stream(openai, model, stop_after=5)
    (row,) = await wait_for_calls(services, 1)
    await asyncio.sleep(0.3)  # whatever the upstream would still produce
    assert upstream.tokens_out < 20  # it was told at once
    assert json.loads(row["details"])["aborted"]
    assert abs(row["tokens_out"] - upstream.tokens_out) <= 1  # one may be on its way
    assert row["tokens_estimated"] == (model == "stub")
    if model == "stub-continuous":
        assert row["tokens_in"] == upstream.tokens_in
    day = await services.gateway.day_of("flights")
    (sums,) = UsageStore(services.database).read([], first=day, last=day, limit=1)
    assert (sums.tokens_out, sums.cost_nano_usd) == (row["tokens_out"], row["cost_nano_usd"])
    assert {s.reserved for s in services.gateway.budgets.statuses(services.gateway.budgets.of(), lambda _: day)} == {0}


async def test_a_stream_that_the_upstream_breaks_is_charged_for_what_came(
    openai: AsyncOpenAI, services: Services, upstream: Upstream
) -> None:
    with pytest.raises(lib.APIError):
        await stream(openai, "stub-breaks")
    (row,) = await wait_for_calls(services, 1)
    assert row["tokens_out"] == upstream.tokens_out == 1
    assert row["tokens_estimated"]


@pytest.mark.parametrize("ask", [whole, stream])
async def test_what_the_upstream_does_not_count_is_estimated_and_marked(
    openai: AsyncOpenAI, services: Services, ask: Any
) -> None:
    await ask(openai, "stub-silent")
    (row,) = await wait_for_calls(services, 1)
    assert row["tokens_estimated"]
    assert 8 <= row["tokens_out"] <= 12
    assert 8 <= row["tokens_in"] <= 12


async def test_a_model_without_a_price_costs_null_and_cannot_pass_a_budget_of_dollars(
    openai: AsyncOpenAI, services: Services, project: str, upstream: Upstream
) -> None:
    with pytest.raises(lib.PermissionDeniedError, match="price of model 'nobody'"):
        await whole(openai, "nobody")
    assert upstream.requests == 0
    for budget in services.gateway.budgets.of():
        services.gateway.budgets.remove(budget.id)
    await whole(openai, "nobody")
    row = (await wait_for_calls(services, 1))[0]
    assert (row["cost_nano_usd"], row["tokens_in"]) == (None, 8)


async def test_a_spent_budget_stops_every_route_that_costs_money(
    openai: AsyncOpenAI, services: Services, project: str, upstream: Upstream
) -> None:
    services.gateway.budgets.put("project", project, "requests", "day", soft=None, hard=1)
    await whole(openai)
    for ask in (whole, stream, embed):
        with pytest.raises(lib.RateLimitError) as raised:
            await ask(openai)
        assert raised.value.code == "budget_exceeded"
        assert 0 < int(raised.value.response.headers["retry-after"]) <= 25 * 3600
        assert "America/New_York" in str(raised.value)
    assert upstream.requests == 1
    assert [row["status"] for row in read_ledger(services) if row["route"].startswith("/v1/")] == [429, 429, 429, 200]


async def test_calls_at_once_cannot_overspend(
    openai: AsyncOpenAI, services: Services, project: str, upstream: Upstream
) -> None:
    most = 8 * 3_000 + 100 * 15_000
    services.gateway.budgets.put("project", project, "cost_usd", "day", soft=None, hard=5 * most)
    upstream.delay_s = 0.05
    answers = await asyncio.gather(*(whole(openai, max_tokens=100) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(answer, lib.RateLimitError) for answer in answers) > 0
    day = await services.gateway.day_of(project)
    standings = services.gateway.budgets.statuses(services.gateway.budgets.of(), lambda _: day)
    assert all(standing.spent <= 5 * most for standing in standings if standing.budget.measure == "cost_usd")


async def test_usage_is_told_by_everything_that_it_can_be_told_by(openai: AsyncOpenAI, services: Services) -> None:
    await whole(openai, user="anna")
    await whole(openai, user="bert")
    day = await services.gateway.day_of("flights")
    found = UsageStore(services.database).read(USAGE_GROUPS, first=day, last=day, limit=10)
    assert [(row.project_id, row.end_user, row.model, row.requests) for row in found] == [
        ("flights", "anna", "stub", 1),
        ("flights", "bert", "stub", 1),
    ]


async def llm_series(client: httpx.AsyncClient, model: str) -> dict[tuple[str, str | None], float]:
    """Return the values of a model's series at `/metrics`, by name and kind of token or outcome."""
    values: dict[tuple[str, str | None], float] = {}
    for name, series in (await read_samples(client)).items():
        for key, value in series.items():
            labels = dict(key)
            if name.startswith("ml_guard_llm_") and labels.get("model") == model and "le" not in labels:
                kind = labels.get("kind") or labels.get("outcome")
                values[name, kind] = values.get((name, kind), 0) + value  # of all routes
    return values


@pytest.mark.parametrize(
    ("model", "cached", "cost_usd"), [("stub", 0, 8 * 3e-6 + 8 * 15e-6), ("stub-cached", 4, 4 * 3.3e-6 + 8 * 15e-6)]
)
async def test_the_metrics_of_a_call_are_its_tokens_cost_and_latency(
    openai: AsyncOpenAI, services: Services, anonymous: httpx.AsyncClient, model: str, cached: int, cost_usd: float
) -> None:
    before = await llm_series(anonymous, model)
    started = time.monotonic()
    await stream(openai, model)
    (row,) = await wait_for_calls(services, 1)
    growth: dict[tuple[str, str | None], float] = {}
    while not growth.get(("ml_guard_llm_calls_total", "ok")):  # counted just after the answer, so as not to delay it
        after = await llm_series(anonymous, model)
        growth = {name: value - before.get(name, 0) for name, value in after.items()}
    duration_s = time.monotonic() - started
    latency = {measure: growth[f"ml_guard_llm_{measure}_seconds_sum", None] for measure in ("call", "first_token")}
    assert 0 < latency["first_token"] <= latency["call"] <= duration_s
    counted = {(name, label): n for (name, label), n in growth.items() if n and not name.endswith(("_sum", "_created"))}
    assert counted == pytest.approx(
        {
            ("ml_guard_llm_calls_total", "ok"): 1,
            ("ml_guard_llm_call_seconds_count", None): 1,
            ("ml_guard_llm_first_token_seconds_count", None): 1,
            ("ml_guard_llm_tokens_total", "in"): 8,
            **({("ml_guard_llm_tokens_total", "cached"): cached} if cached else {}),
            ("ml_guard_llm_tokens_total", "out"): 8,
            ("ml_guard_llm_cost_usd_total", None): cost_usd,
        }
    )
    assert row["cost_nano_usd"] == round(cost_usd * NANO)
