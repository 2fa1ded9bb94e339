"""The budget matrix: every route that costs money × every way in which a call can go; ledger, usage, budgets and upstream agree.

A new route that reserves must be in `ROUTES`: one line with how it is asked and which rows of the matrix it has.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from guard_core.settings import Settings
from guard_core.units import NANO
from guard_store.spending.amounts import MEASURES
from serving.app import Services
from tests.support.api import read_documented_routes
from tests.support.assistant import GDPR, QUESTION
from tests.support.clients import wait_for
from tests.support.gateway import LONG, SAY, check_accounts, wait_for_calls
from tests.support.paths import ROOT
from tests.support.sample_knowledge import store_sample
from tests.support.settings import with_values
from tests.support.upstream import Upstream

MESSAGES = [{"role": "user", "content": SAY}]
TOKENS_OUT_MOST = 100
Streamed = Literal["tokens", "steps", "nothing"]


@dataclass(frozen=True)
class Route:
    """A route that costs money.

    Attributes
    ----------
    streams : what goes out before the whole answer; a research tells its steps, and of the model's answer nothing until it is checked.
    last : how a stream says that it has ended well.
    refused : status where the upstream finds the request wrong; ours is the fault where the request is.
    """

    path: str
    body: dict[str, Any]
    streams: Streamed = "nothing"
    last: str = ""
    refused: int = 502

    @property
    def names_model(self) -> bool:
        """Whether the caller chooses the model; else the settings do."""
        return self.path.startswith("/v1/")


ROUTES = [
    Route(
        "/v1/chat/completions",
        {"messages": MESSAGES, "max_tokens": TOKENS_OUT_MOST},
        "tokens",
        last="data: [DONE]",
        refused=400,
    ),
    Route(
        "/v1/messages",
        {"messages": MESSAGES, "max_tokens": TOKENS_OUT_MOST},
        "tokens",
        last="event: message_stop",
        refused=400,
    ),
    Route(
        "/v1/responses",
        {"input": SAY, "max_output_tokens": TOKENS_OUT_MOST},
        "tokens",
        last="response.completed",
        refused=400,
    ),
    Route("/v1/embeddings", {"input": ["one two", "three"]}, refused=400),
    Route("/query", {"question": QUESTION, "grounded": False}, "tokens", last="event: end"),
    Route("/research", {"topic": GDPR}, "steps", last="event: result"),
]
FREE_BY_NAME = {
    "/v1/feedback",
    "/v1/messages/count_tokens",
    "/v1/responses/input_tokens",
    "/v1/models",
    "/v1/models/{model_id}",
}
CALLERS = {"chat": "/v1/", "query": "/query", "research": "/research"}


@dataclass
class Row:
    """A call of the matrix on its way."""

    route: Route
    model: str
    client: httpx.AsyncClient
    services: Services
    upstream: Upstream
    spare: Upstream
    project: str

    def body(self, *, stream: bool) -> dict[str, Any]:
        model = {"model": self.model} if self.route.names_model else {}
        return {**self.route.body, **model, **({"stream": True} if stream else {})}

    async def ask(self, *, stream: bool = False) -> httpx.Response:
        return await self.client.post(self.route.path, json=self.body(stream=stream))

    async def abort(self) -> None:
        """Go in the middle of what the model says; of a research, while the model is asked."""
        async with self.client.stream("POST", self.route.path, json=self.body(stream=True)) as answer:
            n = 0
            async for line in answer.aiter_lines():
                n += line.startswith("data:")
                if self.route.streams == "steps":
                    await wait_for(lambda: self.upstream.requests > 0)
                elif n < 4:
                    continue
                return


async def plain(row: Row) -> int:
    assert (await row.ask()).status_code == 200
    return 1


async def stream(row: Row) -> int:
    assert row.route.last in (await row.ask(stream=True)).text.rstrip().rpartition("\n\n")[2]
    return 1


async def aborted(row: Row) -> int:
    row.upstream.say, row.upstream.delay_s, row.upstream.silent_s = LONG, 0.05, 0.2
    await row.abort()
    await wait_for_calls(row.services, 1)
    await asyncio.sleep(0.3)  # what it would still produce
    (call,) = await wait_for_calls(row.services, 1)
    assert json.loads(call["details"])["aborted"]
    if row.route.streams == "steps":  # nobody has heard what it took: it has read, by our estimate
        assert (call["tokens_estimated"], call["tokens_out"]) == (True, 0)
        assert call["tokens_in"] > 100
        row.upstream.tokens_in, row.upstream.tokens_out = call["tokens_in"], 0
    assert 0 <= row.upstream.tokens_out - call["tokens_out"] <= 1  # one may have been on its way
    row.upstream.tokens_out = call["tokens_out"]
    return 1


async def cached(row: Row) -> int:
    assert (await row.ask()).status_code == 200
    assert (await wait_for_calls(row.services, 1))[0]["tokens_cached"] == row.upstream.tokens_cached
    assert (row.upstream.tokens_cached > 0) == (row.route.path != "/v1/embeddings")
    return 1


async def error(row: Row) -> int:
    row.upstream.fail, row.spare.fail = [400, 500, 0, 500], [500, 0, 500, 500]
    assert [(await row.ask()).status_code for _ in range(2)] == [row.route.refused, 502]
    return 2


async def retry(row: Row) -> int:
    row.upstream.fail = [503]
    assert (await row.ask()).status_code == 200
    assert row.upstream.requests == 2
    return 1


async def fallback(row: Row) -> int:
    row.upstream.fail = [500, 500]
    assert (await row.ask()).status_code == 200
    assert (await wait_for_calls(row.services, 1))[0]["model"] == "spare"
    return 1


async def concurrent(row: Row) -> int:
    """Of forty at once as many pass as the budget has room for, in whole calls; the rest costs nothing."""
    row.services.gateway.budgets.put("project", row.project, "requests", "day", soft=None, hard=15)
    row.upstream.silent_s = 0.05
    statuses = [answer.status_code for answer in await asyncio.gather(*(row.ask() for _ in range(40)))]
    assert (statuses.count(200), statuses.count(429)) == (15, 25)
    assert row.upstream.requests == 15
    return 15


Way = Callable[[Row], Awaitable[int]]
WAYS: list[Way] = [plain, stream, aborted, cached, error, retry, fallback, concurrent]
ONLY_STREAMS: set[Way] = {stream, aborted}
MODELS: dict[Way, str] = {aborted: "stub-continuous", cached: "stub-cached"}


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    """SQLite's; that budgets hold on PostgreSQL is for `test_workers` and the tests of the store."""
    return f"sqlite:///{shutil.copyfile(migrated_sqlite, tmp_path / 'guard.db')}"


@pytest.fixture
def route() -> Route:
    """The first, for tests that need only one."""
    return ROUTES[0]


@pytest.fixture
def way() -> Way:
    """The plainest, for tests that go one of their own."""
    return plain


@pytest.fixture
def settings(settings: Settings, route: Route, way: Way) -> Settings:
    """Settings with the model that the way wants, and something to answer from."""
    if not route.names_model:
        store_sample(settings)
    return with_values(settings, llm_model=MODELS.get(way, "stub"), knowledge_embedding_model="none")


@pytest.fixture
async def row(
    url: str, services: Services, upstream: Upstream, spare: Upstream, project: str, route: Route, way: Way
) -> AsyncIterator[Row]:
    for measure in MEASURES:
        services.gateway.budgets.put("project", project, measure, "day", soft=None, hard=1000 * NANO)
    upstream.say = spare.say = SAY
    _, secret = services.keys.create("app", "analyst", project)
    headers = {"Authorization": f"Bearer {secret}"}
    base = url.removesuffix("/v1")
    async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=20) as client:
        yield Row(route, MODELS.get(way, "stub"), client, services, upstream, spare, project)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_everybody_has_counted_the_same(row: Row, route: Route, way: Way) -> None:
    if way in ONLY_STREAMS and route.streams == "nothing":
        answer = await row.ask(stream=True)
        assert not answer.headers["content-type"].startswith("text/event-stream")
        return
    await check_accounts(row.services, [row.upstream, row.spare], await way(row))


def test_every_route_that_can_reserve_is_in_the_matrix() -> None:
    """A route that calls a model has an upstream behind it; those are under `/v1/`, and whatever else uses the gate."""
    documented = {route.path for route in read_documented_routes() if route.path.startswith("/v1/")}
    assert documented - FREE_BY_NAME == {route.path for route in ROUTES if route.names_model}
    users = {
        path.parent.name
        for path in ROOT.glob("serving/**/*.py")
        if "gateway.call(" in path.read_text() and path.parent.name != "calls"
    }
    assert users == set(CALLERS), "whatever calls a model belongs into ROUTES: add its route there and its folder here"
    assert all(any(route.path.startswith(path) for route in ROUTES) for path in CALLERS.values())


@pytest.mark.parametrize("measure", ["cost_usd", "tokens"])
async def test_no_more_is_spent_than_a_request_each(row: Row, services: Services, project: str, measure: Any) -> None:
    most = len(SAY.encode()) // 4 + 8 + TOKENS_OUT_MOST
    hard = 4 * most * (15_000 if measure == "cost_usd" else 1)
    services.gateway.budgets.put("project", project, measure, "day", soft=None, hard=hard)
    row.upstream.silent_s = 0.05
    answers = await asyncio.gather(*(row.ask() for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200, 429}
    day = await services.gateway.day_of(project)
    (standing,) = [
        s
        for s in services.gateway.budgets.statuses(services.gateway.budgets.of(), lambda _: day)
        if s.budget.measure == measure
    ]
    assert standing.spent <= hard
    await check_accounts(services, [row.upstream], sum(answer.status_code == 200 for answer in answers))
