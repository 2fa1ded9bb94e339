"""Whole server groups killed while every route that costs or stores something is asked: what was answered holds afterwards."""

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import func, select, update

from guard_core.units import NANO
from guard_store.db.database import Database
from guard_store.ledger.store import LedgerStore
from guard_store.spending.tables import reservations
from serving.app import create_app
from serving.http.openapi import document
from tests.contracts.kill import promises
from tests.contracts.kill.exchanges import Client, Exchange, answered
from tests.contracts.kill.home import PROJECT, Home, make_home, make_template
from tests.contracts.kill.workloads import HARMLESS, WORKLOADS, Workload
from tests.support.aws import SeededAws, line, page, period
from tests.support.server import Server, environment, ml_guard, serving, wait_until
from tests.support.settings import settings_of
from tests.support.upstream import KEY, Upstream, running

ROUTES = frozenset(route for workload in WORKLOADS.values() for route in workload.routes)
LIVES = {1: ("auto", "extractive", "auto"), 4: ("auto", "extractive")}
"""By number of workers: what answers questions in each life of the server that ends in a kill."""
WORKERS_KILLED = 2
"""Of the first life of several workers, one after the other; the others go on."""
PATIENCE_S = 90


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template") / "home")


@pytest.fixture
def home(template: Path, tmp_path: Path, database_url: str) -> Iterator[Home]:
    home = make_home(template, tmp_path / "home", database_url)
    yield home
    home.database.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("workers", LIVES)
async def test_what_was_answered_holds_after_a_kill(home: Home, aws: SeededAws, workers: int) -> None:
    aws.seed(*(page(period(f"2026-01-{1 + n % 28:02d}", line("S3", PROJECT, "1"))) for n in range(500)))
    random_moments = random.Random(workers)  # noqa: S311 - moments, no secrets
    exchanges: list[Exchange] = []
    async with running(Upstream(say="one two three four five six", delay_s=0.01, silent_s=0.02)) as upstream:
        clients = [Client(name, _http(home), exchanges) for name in WORKLOADS]
        for life, answerer in enumerate(LIVES[workers]):
            with serving(home.settings.storage.home, **_settings(home, upstream, workers, answerer)) as server:
                is_last = life == len(LIVES[workers]) - 1
                await _load_until_killed(
                    server,
                    clients,
                    random_moments,
                    kill_workers=workers > 1 and life == 0,
                    routes=ROUTES if is_last else frozenset(),
                )
        for client in clients:
            await client.http.aclose()
        assert _reserved(home.database) > 0, "kills hit calls that were being made"
        _let_reservations_expire(home.database)
        with serving(home.settings.storage.home, **_settings(home, upstream, workers, "auto")) as server:
            await asyncio.to_thread(_wait_until_recovered, home)
            await _check_over_http(server, home)
        _check(home, exchanges, upstream)


def test_every_route_that_changes_something_is_killed_or_harmless(tmp_path: Path) -> None:
    paths = document(create_app(settings_of(home=tmp_path)))["paths"]
    routes = {f"{method.upper()} {path}" for path in paths for method in paths[path] if method != "get"}
    assert ROUTES | set(HARMLESS) == routes, "a new route belongs into WORKLOADS, or with its reason into HARMLESS"
    assert ROUTES.isdisjoint(HARMLESS)


def _settings(home: Home, upstream: Upstream, workers: int, answerer: str) -> dict[str, Any]:
    return {
        "database_url": home.settings.storage.database,
        "workers": workers,
        "llm_base_url": upstream.url,
        "llm_api_key": KEY,
        "llm_prices": json.dumps({"stub": {"input": 3, "output": 15}}),
        "llm_model": "stub",
        "llm_answerer": answerer,
        "knowledge_embedding_model": "none",
        "audit_checkpoint_s": 1,
        "rate_per_key": 0,
        "aws_cost_requests": 10**6,
        "alert_routes": json.dumps({"oncall": f"webhook+http://:{'k' * 16}@127.0.0.1:9/hook"}),
        "alert_attempts": 1,
        "log_level": "WARNING",
    }


def _http(home: Home) -> httpx.AsyncClient:
    limits = httpx.Limits(max_keepalive_connections=0)  # any worker may answer
    headers = {"X-API-Key": home.secret}
    return httpx.AsyncClient(headers=headers, limits=limits, trust_env=False, timeout=60)


async def _load_until_killed(
    server: Server, clients: list[Client], moments: random.Random, *, kill_workers: bool, routes: frozenset[str]
) -> None:
    """Send all workloads at once; kill a moment after each has been answered in this life, and each of `routes` in any life."""
    stopped = asyncio.Event()
    for client in clients:
        client.http.base_url = httpx.URL(server.url)
    before = answered(clients[0].exchanges)
    senders = [asyncio.create_task(_send_on(client, WORKLOADS[client.name], stopped)) for client in clients]
    deadline = time.monotonic() + PATIENCE_S
    while silent := {c.name for c in clients if answered(c.exchanges)[c.name] == before[c.name]} | (
        routes - _succeeded(clients[0].exchanges)
    ):
        for sender in senders:
            if sender.done():
                sender.result()
        assert time.monotonic() < deadline, f"no answer to {silent}"
        await asyncio.sleep(0.1)
    for _ in range(WORKERS_KILLED if kill_workers else 0):
        await asyncio.sleep(moments.uniform(0.1, 0.5))
        moments.choice(_workers(server)).kill()
    await asyncio.sleep(moments.uniform(0.3, 1.0))
    os.killpg(server.process.pid, signal.SIGKILL)
    stopped.set()
    await asyncio.gather(*senders)


def _succeeded(exchanges: list[Exchange]) -> set[str]:
    return {one.route for one in exchanges if one.succeeded}


async def _send_on(client: Client, workload: Workload, stopped: asyncio.Event) -> None:
    while not stopped.is_set():
        try:
            await workload.turn(client)
        except httpx.TransportError:
            client.interrupted += 1
            await asyncio.sleep(0.02)


def _workers(server: Server) -> list[psutil.Process]:
    children = psutil.Process(server.process.pid).children()
    alive = [
        child for child in children if child.status() != psutil.STATUS_ZOMBIE
    ]  # one killed before may not be reaped yet
    return [child for child in alive if "spawn_main" in " ".join(child.cmdline())]


def _reserved(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(reservations)) or 0


def _let_reservations_expire(database: Database) -> None:
    """As if the longest that a call may take were over."""
    with database.write() as connection:
        connection.execute(update(reservations).values(expires_us=1))


def _wait_until_recovered(home: Home) -> None:
    wait_until(lambda: _reserved(home.database) == 0, "settled what died")
    journals = home.settings.storage.journal
    wait_until(lambda: not any(map(_size, journals.glob("*.journal"))), "stored what was predicted")


async def _check_over_http(server: Server, home: Home) -> None:
    async with _http(home) as http:
        http.base_url = httpx.URL(server.url)
        (await http.post("/api/v1/audit/verify")).raise_for_status()
        used = (await http.get("/api/v1/usage", params={"project_id": PROJECT})).json()["items"]
        standing = (await http.get("/api/v1/budgets")).json()["items"]
    totals = [one for one in standing if one["period"] == "total"]
    requests = sum(one["requests"] for one in used)
    tokens = sum(one["tokens_in"] + one["tokens_out"] for one in used)
    cost = round(sum(one["cost_usd"] for one in used) * NANO)
    spent = {(one["scope"], one["measure"]): float(one["spent"]) for one in totals}
    for scope in ("project", "key"):
        assert spent[scope, "requests"] == requests
        assert spent[scope, "tokens"] == tokens
        assert round(spent[scope, "cost_usd"] * NANO) == pytest.approx(cost, abs=NANO // 10**6)


def _check(home: Home, exchanges: list[Exchange], upstream: Upstream) -> None:
    settings = environment(home.settings.storage.home, database_url=home.settings.storage.database)
    verified = ml_guard("audit", "verify", env=settings, cwd=home.settings.storage.home)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    found = LedgerStore(home.database, None).verify()
    assert found.ok, found.problem
    assert _succeeded(exchanges) >= ROUTES
    assert sum(not one.complete for one in exchanges) > 0, "the kills hit requests under way"
    unexpected = [one for one in exchanges if one.complete and one.status not in {200, 201, 204, 404, 409, 503}]
    log = (home.settings.storage.home / "serve.log").read_text()  # of all lives
    assert unexpected == [], "\n".join(line for line in log.splitlines() if '"ERROR"' in line)
    record = promises.read_ledger(home.database)
    promises.check_answers_on_record(record, exchanges)
    promises.check_effects(record, exchanges, promises.stored_values(home))
    promises.check_rows_have_their_entries(home.database, record, {one.request_id for one in exchanges})
    promises.check_days_are_counted(home.database)
    promises.check_money(home, record, exchanges)
    promises.check_upstream_is_paid(record, exchanges, upstream.seen)
    promises.check_traces(record, exchanges)
    promises.check_aws_requests(home.database, record)


def _size(path: Path) -> int:
    """Return the size of a journal; 0 once the server has deleted it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
