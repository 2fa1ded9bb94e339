"""Real `ml-guard serve` with two workers on PostgreSQL: budgets hold over both of them, and they write one chain."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from guard_store.database import Database
from guard_store.gate_tables import ledger, usage
from guard_store.keys import KeyStore
from guard_store.ledger import LedgerStore
from guard_store.migrate import migrate
from guard_store.projects import ProjectStore
from guard_store.spending import BudgetStore
from tests.serving.commands.server import Server, serving
from tests.serving.llm.upstream import KEY, Upstream, running

PROJECT = "flights"
CHAT = {"model": "stub", "messages": [{"role": "user", "content": "one two three four"}], "max_tokens": 50}


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    database = Database(postgresql_url)
    migrate(database)
    ProjectStore(database).create(PROJECT, "Flights")
    yield database
    database.close()


async def client_of(server: Server, secret: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_keepalive_connections=0)  # any worker may answer
    headers = {"X-API-Key": secret}
    return httpx.AsyncClient(base_url=server.url, headers=headers, limits=limits, trust_env=False, timeout=30)


async def test_two_workers_share_budgets_and_agree_with_the_upstream(
    tmp_path: Path, postgresql_url: str, database: Database
) -> None:
    _, secret = KeyStore(database).create("k", "analyst", PROJECT)
    BudgetStore(database).put("project", PROJECT, "requests", "total", soft=None, hard=25)
    async with running(Upstream(silent_s=0.02)) as upstream:
        with serving(tmp_path, database_url=postgresql_url, workers=2, **upstream_of(upstream)) as server:
            async with await client_of(server, secret) as client:
                bodies = [{**CHAT, "stream": n % 2 == 0} for n in range(60)]
                answers = await asyncio.gather(*(client.post("/v1/chat/completions", json=body) for body in bodies))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(429), upstream.requests) == (25, 35, 25)
    with database.read() as connection:
        rows = connection.execute(select(func.sum(ledger.c.tokens_in), func.sum(ledger.c.tokens_out))).one()
        used = connection.execute(select(func.sum(usage.c.tokens_in), func.sum(usage.c.tokens_out))).one()
    assert tuple(rows) == tuple(used) == (upstream.tokens_in, upstream.tokens_out)
    assert LedgerStore(database, None).verify().ok


def upstream_of(upstream: Upstream) -> dict[str, str]:
    """Settings of a server before it."""
    prices = json.dumps({"stub": {"input": 3, "output": 15}})
    return {"llm_base_url": upstream.url, "llm_api_key": KEY, "llm_prices": prices}
