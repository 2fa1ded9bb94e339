"""Real `ml-guard serve` with several workers on PostgreSQL: budgets hold over all of them, they write one chain, and a kill loses no row."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.ledger.store import LedgerStore
from guard_store.ledger.tables import ledger
from guard_store.projects.store import ProjectStore
from guard_store.spending.budgets import BudgetStore
from guard_store.spending.tables import usage
from tests.support.server import Server, serving
from tests.support.upstream import KEY, Upstream, running

PROJECT = "flights"
CHAT = {"model": "stub", "messages": [{"role": "user", "content": "one two three four"}], "max_tokens": 50}
EVENT: dict[str, Any] = {
    "project_id": PROJECT, "model_id": "m", "timestamp": "2013-01-01T12:00:00Z", "latency_ms": 1, "y_pred": 1, "features": {},
}  # fmt: skip
LABEL = {"project_id": PROJECT, "y_true": 1, "observed_at": "2013-01-02T12:00:00Z"}


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    database = Database(postgresql_url)
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


async def asked(client: httpx.AsyncClient, name: str, i: int) -> None:
    """One request of the mixture, its answer read to its end."""
    headers = {"X-Request-ID": name, "X-ML-Guard-Project": PROJECT}
    match i % 5:
        case 0 | 1:
            body = {**CHAT, "stream": i % 5 == 1}
            answer = await client.post("/v1/chat/completions", json=body, headers=headers)
            assert not body["stream"] or answer.text.endswith("data: [DONE]\n\n")
        case 2:
            answer = await client.post("/api/v1/events", json={**EVENT, "event_id": name}, headers=headers)
        case 3:
            answer = await client.post("/api/v1/labels", json={**LABEL, "event_id": name}, headers=headers)
        case _:
            asking = {"question": "How fast?", "grounded": False, "project_id": PROJECT}
            answer = await client.post("/query", json=asking, headers=headers)
    assert answer.status_code in {200, 201}, answer.text


@pytest.mark.parametrize(("workers", "kinds"), [(2, 2), (4, 5)], ids=["chat alone", "mixed routes"])
async def test_a_kill_leaves_one_chain_with_a_row_for_each_whole_answer(
    tmp_path: Path, postgresql_url: str, database: Database, workers: int, kinds: int
) -> None:
    _, secret = KeyStore(database).create("k", "admin", None)
    BudgetStore(database).put("project", PROJECT, "tokens", "day", soft=None, hard=10**9)
    whole: list[str] = []
    async with running(Upstream(silent_s=0.01)) as upstream:
        settings = {**upstream_of(upstream), "llm_model": "stub", "knowledge_embedding_model": "none"}
        with serving(tmp_path, database_url=postgresql_url, workers=workers, **settings) as server:

            async def ask_until_killed(client: httpx.AsyncClient, n: int) -> None:
                for i in range(100):
                    try:
                        await asked(client, f"{n}-{i}", i % kinds)
                    except httpx.TransportError:
                        return
                    whole.append(f"{n}-{i}")
                    if len(whole) == 100:
                        os.killpg(server.process.pid, signal.SIGKILL)  # the workers too

            async with await client_of(server, secret) as client:
                await asyncio.gather(*(ask_until_killed(client, n) for n in range(8)))
    assert 100 <= len(whole) < 800  # it was killed in the middle
    store = LedgerStore(database, None)
    assert store.verify().ok, store.verify().problem
    with database.read() as connection:
        found = connection.execute(select(ledger.c.request_id, ledger.c.details)).all()
    on_record = [name for row in found for name in json.loads(row.details).get("request_ids", [row.request_id])]
    assert [name for name in whole if on_record.count(name) != 1] == []


def upstream_of(upstream: Upstream) -> dict[str, str]:
    """Settings of a server before it."""
    prices = json.dumps({"stub": {"input": 3, "output": 15}})
    return {"llm_base_url": upstream.url, "llm_api_key": KEY, "llm_prices": prices}
