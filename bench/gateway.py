"""The gateway in front of a stub that costs almost no time: its overhead, beside that of LiteLLM's proxy in front of the same stub.

Content policy, budgets and ledger are on; one worker, SQLite. wrk and the stub run on the same cores, and all requests stay on
this machine.
"""

import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import aiohttp
import httpx
from sqlalchemy import func, select

from bench.measure import ROUNDS, in_turns, programs_of, table
from bench.predict import Load, guard, load
from bench.servers import environment, free_ports, process
from guard_core.settings import Settings, StorageSettings
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ledger.store import LedgerStore
from guard_store.ledger.tables import ledger
from guard_store.projects.store import ProjectStore
from guard_store.spending.amounts import MEASURES
from guard_store.spending.budgets import BudgetStore
from guard_store.spending.tables import usage

LITELLM = "1.106.0"
CONNECTIONS = (1, 16, 64)
STREAMS = 200
PROJECT = "bench"
_BODY = {
    "model": "stub",
    "messages": [
        {"role": "system", "content": "You answer questions of our customers, shortly and kindly."},
        {
            "role": "user",
            "content": "When does my order of last Tuesday arrive, and can I still change where it goes to?",
        },
    ],
    "max_tokens": 64,
}
_PRICES = {"stub": {"input": 3, "output": 15}}
_NONE = "-"
_MASTER_KEY = "sk-bench-0123456789abcdef"  # no secret: only valid on the loopback interface, for the stub


def run(seconds: int = 6) -> str:
    """Measure all three and return the Markdown section."""
    if shutil.which("wrk") is None:
        return "Not measured: the load generator wrk is missing (`apt-get install wrk`)."
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        home = Path(folder)
        body = home / "body.json"
        body.write_text(json.dumps(_BODY))
        settings, key = _prepare(home)
        stub = running.enter_context(_stub(home))
        model = {"ML_GUARD_LLM_BASE_URL": f"{stub}/v1", "ML_GUARD_LLM_PRICES": json.dumps(_PRICES)}
        servers = {
            "the stub alone": (stub, _NONE),
            "ML Guard": (running.enter_context(guard(settings, home, **model)), key),
            f"LiteLLM {LITELLM}": (running.enter_context(_litellm(stub, home)), _MASTER_KEY),
        }
        for url, k in servers.values():
            _warm_up(url, k)
        generators = [partial(load, f"{url}/v1/chat/completions", body, k) for url, k in servers.values()]
        loads = {
            n: dict(zip(servers, in_turns([partial(generator, n, seconds) for generator in generators]), strict=True))
            for n in CONNECTIONS
        }
        firsts = {name: asyncio.run(_first_tokens(url, k)) for name, (url, k) in servers.items()}
        calls = _check(settings)
    lead = (
        f"A chat of two messages, answered by a stub; one server process each; medians of {ROUNDS} rounds of {seconds} s, in turns;"
        f" wrk and the stub on the same cores. ML Guard applies the content policy to request and response, reserves in three budgets, settles, and writes the ledger (SQLite): {calls:,} calls,"
        " each a row of one valid chain, counted in usage and budgets. LiteLLM runs with its master key, without a database, budgets, policy or log."
    )
    return f"{lead}\n\n{_loads(loads)}\n\n{_streams(firsts)}"


def _loads(loads: dict[int, dict[str, Load]]) -> str:
    rows = []
    for n, by_name in loads.items():
        alone = by_name["the stub alone"]
        slowest = by_name[f"LiteLLM {LITELLM}"]
        for name, measured in by_name.items():
            added = "" if measured is alone else f"{measured.p50_ms - alone.p50_ms:.2f}"
            ratio = f"{measured.rate / slowest.rate:.1f}×"
            cells = [f"{measured.rate:,.0f}", f"{measured.p50_ms:.2f}", f"{measured.p99_ms:.2f}", added, ratio]
            rows.append([f"{n} connections: {name}", *cells])
    return table(["load", "requests/s", "p50 ms", "p99 ms", "added p50 ms", "against LiteLLM"], rows)


def _streams(firsts: dict[str, list[float]]) -> str:
    rows = [
        [name, f"{statistics.median(latencies):.2f}", f"{statistics.quantiles(latencies, n=100)[98]:.2f}"]
        for name, latencies in firsts.items()
    ]
    return table([f"{STREAMS} streams, one after the other", "first token p50 ms", "p99 ms"], rows)


def _prepare(home: Path) -> tuple[Settings, str]:
    settings = Settings(storage=StorageSettings(home=home))
    database = Database(settings.storage.database)
    migrate(database)
    ProjectStore(database).create(PROJECT, PROJECT)
    _, key = KeyStore(database).create("bench", "analyst", PROJECT)
    for measure in MEASURES:
        BudgetStore(database).put("project", PROJECT, measure, "day", soft=None, hard=10**15)
    database.close()
    return settings, key


@contextmanager
def _stub(home: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "bench.gateway_stub", str(port)]
    with process(command, os.environ, home / "stub.log", f"http://127.0.0.1:{port}/"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _litellm(stub: str, home: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    model = {"model": "openai/stub", "api_base": f"{stub}/v1", "api_key": "none"}
    config = home / "litellm.json"  # LiteLLM reads YAML, of which JSON is a subset
    models = [{"model_name": "stub", "litellm_params": model}]
    config.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": _MASTER_KEY}}))
    env = environment("LITELLM_")
    env |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "NO_DOCS": "True"}
    command = [
        str(programs_of(f"litellm-{LITELLM}", f"litellm[proxy]=={LITELLM}") / "litellm"),
        "--config",
        str(config),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--telemetry",
        "False",
    ]
    with process(command, env, home / "litellm.log", f"http://127.0.0.1:{port}/health/liveliness"):
        yield f"http://127.0.0.1:{port}"


def _warm_up(url: str, key: str) -> None:
    """Make calls that are not measured, because the first calls of a server may take seconds each."""
    headers = {} if key == _NONE else {"X-API-Key": key}
    with httpx.Client(headers=headers, timeout=120, trust_env=False) as client:
        for _ in range(50):
            client.post(f"{url}/v1/chat/completions", json=_BODY).raise_for_status()


async def _first_tokens(url: str, key: str) -> list[float]:
    """Measure the milliseconds from each request to the first text of its stream."""
    headers = {} if key == _NONE else {"X-API-Key": key}
    latencies = []
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(STREAMS + 20):
            start = time.perf_counter()
            async with session.post(f"{url}/v1/chat/completions", json={**_BODY, "stream": True}) as answer:
                answer.raise_for_status()
                first = None
                async for line in answer.content:
                    if first is None and line.startswith(b"data:") and b'"word' in line:
                        first = (time.perf_counter() - start) * 1e3
                if first is None:
                    raise AssertionError(f"{url}: a stream without text")
            latencies.append(first)
    return latencies[20:]


def _check(settings: Settings) -> int:
    """Check that each call is a row of a valid chain and is counted in usage; return the number of calls."""
    database = Database(settings.storage.database)
    deadline = time.monotonic() + 10
    while True:
        with database.read() as connection:
            count_calls = select(func.count()).select_from(ledger).where(ledger.c.model == "stub")
            rows = connection.execute(count_calls).scalar_one()
            counted = connection.execute(select(func.sum(usage.c.requests))).scalar_one()
            held = connection.exec_driver_sql("SELECT count(*) FROM reservations").scalar_one()
        if held == 0 or time.monotonic() > deadline:
            break
        time.sleep(0.2)  # requests that wrk abandoned at its end still have to settle
    verification = LedgerStore(database, None).verify()
    database.close()
    if not verification.ok or rows != counted or held:
        raise AssertionError(f"{rows} rows, {counted} counted, {held} held; {verification.problem}")
    return int(rows)


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else 6))
