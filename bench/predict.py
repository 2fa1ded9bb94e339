"""One row over HTTP: `/predict`, which validates and records each prediction, against `mlflow models serve` with the same model.

The load generator is wrk, on the same cores. Afterwards the recorded predictions are counted in the database.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from sqlalchemy import func, select

from bench.measure import ROUNDS, in_turns, table
from bench.servers import environment, free_ports, process
from guard_core.ids import registered_name
from guard_core.project_settings.training import TrainingSpec
from guard_core.settings import Settings, StorageSettings
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ingest.tables import events
from guard_store.projects.store import ProjectStore
from guard_store.retraining.registry import CHAMPION, Registry
from ml.retraining.training.files import labelled_rows
from ml.retraining.training.log_run import MODEL, Tracking, log_candidate
from ml.retraining.training.train import train

PROJECT, MODEL_ID = "bench", "late-arrival"
CONNECTIONS = (1, 16, 64)
ROW = {
    "carrier": "UA",
    "origin": "EWR",
    "dest": "IAH",
    "distance": 1400,
    "hour": 5,
    "temp": 39.02,
    "dewp": 28.04,
    "humid": 64.43,
    "wind_dir": 260.0,
    "wind_speed": 12.66,
    "precip": 0.0,
    "pressure": 1011.9,
    "visib": 10.0,
}
_LUA = Path(__file__).with_suffix(".lua")
_DATA = Path("ml/data/late_flights.csv")
_STORED_S = 120
_WARM_UP_S = 1


@dataclass(frozen=True, slots=True)
class Load:
    """Result of one load: requests per second, and latencies in milliseconds."""

    rate: float
    p50_ms: float
    p99_ms: float
    requests: int


def run(seconds: int = 4) -> str:
    """Measure both and return the Markdown section."""
    if shutil.which("wrk") is None:
        return "Not measured: the load generator wrk is missing (`apt-get install wrk`)."
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings, model, key = _prepare(home)
        bodies = {"ml guard": {"features": ROW}, "mlflow": {"dataframe_records": [ROW]}}
        for name, body in bodies.items():
            (home / f"{name}.json").write_text(json.dumps(body))
        with _mlflow(model, home) as mlflow_url, guard(settings, home) as guard_url:
            guard_load = partial(load, f"{guard_url}/predict", home / "ml guard.json", key)
            mlflow_load = partial(load, f"{mlflow_url}/invocations", home / "mlflow.json", "-")
            loads = {
                connections: in_turns(
                    [partial(run_load, connections, seconds) for run_load in (guard_load, mlflow_load)]
                )
                for connections in CONNECTIONS
            }
            answered = _count_answered(guard_url)
            _check(settings, answered)
    rows = []
    for connections, (of_guard, of_mlflow) in loads.items():
        for name, side in (("ML Guard", of_guard), ("mlflow models serve", of_mlflow)):
            cells = [f"{side.rate:,.0f}", f"{side.p50_ms:.2f}", f"{side.p99_ms:.2f}"]
            faster = [f"{of_guard.rate / of_mlflow.rate:.0f}×", f"{of_mlflow.p50_ms / of_guard.p50_ms:.0f}×"]
            ratios = ["", ""] if side is of_mlflow else faster
            rows.append([f"{connections} connections: {name}", *cells, *ratios])
    header = ["load", "requests/s", "p50 ms", "p99 ms", "requests/s against", "p50 lower"]
    lead = (
        f"One row of 13 features (3 categories) a request, gradient boosting trained on {_DATA.name}, one server process each;"
        f" medians of {ROUNDS} rounds of {seconds} s, in turns; wrk on the same cores. ML Guard checks every feature, authenticates, and records each prediction:"
        f" {answered:,} were answered, all of them are events in the database (SQLite) at the end."
    )
    return f"{lead}\n\n{table(header, rows)}"


def _prepare(home: Path) -> tuple[Settings, Path, str]:
    settings = Settings(storage=StorageSettings(home=home))
    database = Database(settings.storage.database)
    migrate(database)
    ProjectStore(database).create(PROJECT, PROJECT)
    _, key = KeyStore(database).create("bench", "analyst", PROJECT)
    database.close()
    rows = labelled_rows(_DATA, "late", print, time="time_hour")
    candidate = train(rows, TrainingSpec(algorithms=("gradient_boosting",)), print, 1)
    tracking = Tracking(settings.storage.mlflow, settings.storage.mlflow_artifacts)
    run_id = log_candidate(tracking, registered_name(PROJECT, MODEL_ID), candidate, {})
    registry = Registry(settings.storage.mlflow)
    version = registry.register(PROJECT, MODEL_ID, run_id, artifact=MODEL, flag_id=run_id)
    registry.set_alias(PROJECT, MODEL_ID, CHAMPION, version.version)
    return settings, registry.download(PROJECT, MODEL_ID, version.version, home / "served"), key


@contextmanager
def guard(settings: Settings, home: Path, **variables: str) -> Iterator[str]:
    """Run our server with these settings and environment variables, and no others; yield its URL."""
    (port,) = free_ports(1)
    env = environment()
    env |= {
        "ML_GUARD_HOME": str(settings.storage.home),
        "ML_GUARD_PORT": str(port),
        "ML_GUARD_LOG_LEVEL": "WARNING",
        **variables,
    }
    command = [sys.executable, "-m", "guard_cli.main", "serve"]
    with process(command, env, home / "guard.log", f"http://127.0.0.1:{port}/readyz"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _mlflow(model: Path, home: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    bin_folder = Path(sys.executable).parent
    command = [
        *(str(bin_folder / "mlflow"), "models", "serve", "--env-manager", "local", "--workers", "1"),
        *("--model-uri", str(model), "--port", str(port)),
    ]
    env = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with process(command, env, home / "mlflow.log", f"http://127.0.0.1:{port}/ping"):
        yield f"http://127.0.0.1:{port}"


def load(url: str, body: Path, key: str, connections: int, seconds: int) -> Load:
    """Run wrk after a warm-up, and return what it measured.

    Raises
    ------
    AssertionError
        If a request failed, or none was made.
    """
    for duration in (_WARM_UP_S, seconds):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{duration}s", "--timeout", "30s", "-s", str(_LUA), url, "--"]
        output = subprocess.run([*command, str(body), key], capture_output=True, text=True, check=True).stdout
    stats = json.loads(output.splitlines()[-1])
    if stats["failed"] or not stats["requests"]:
        raise AssertionError(f"{url}: {stats['failed']} of {stats['requests']} requests failed:\n{output}")
    measured = Load(
        stats["requests"] / stats["seconds"], stats["p50_us"] / 1e3, stats["p99_us"] / 1e3, stats["requests"]
    )
    print(f"{url}, {connections}: {measured}", file=sys.stderr)
    return measured


def _count_answered(url: str) -> int:
    lines = httpx.get(f"{url}/metrics", timeout=10, trust_env=False).text.splitlines()
    prefix = 'ml_guard_predictions_total{outcome="answered"} '
    return int(float(next(line for line in lines if line.startswith(prefix)).removeprefix(prefix)))


def _check(settings: Settings, answered: int) -> None:
    """Wait until every answered prediction is stored as an event."""
    database = Database(settings.storage.database)
    deadline = time.monotonic() + _STORED_S
    while True:
        with database.read() as connection:
            stored = connection.execute(select(func.count()).select_from(events)).scalar_one()
        if stored == answered:
            break
        if time.monotonic() > deadline:
            raise AssertionError(f"{answered} predictions were answered, {stored} events are stored")
        time.sleep(0.2)
    database.close()


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else 4))
