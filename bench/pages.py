"""Seconds of the server and bytes of every page, on a generated store of 50 models and a year.

The server's access log has the seconds: the client's own work does not count. The store is made by `pages_store`.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from bench import pages_store
from bench.measure import table
from bench.servers import environment, free_ports, process
from guard_store.auth.store import KeyStore

CALLS = int(os.environ.get("BENCH_CALLS", "20"))
MOST_MS, MOST_KB = 200.0, 150.0
_COMMAND = Path(sys.executable).with_name("ml-guard")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Loads:
    """The requests of one page: their ids, the CPU seconds of the server meanwhile, and the compressed bytes of one."""

    request_ids: list[str]
    cpu_s: float
    size: int


def run() -> str:
    """Measure and return the Markdown section."""
    load, *_ = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        database = pages_store.generate(home)
        _, secret = KeyStore(database).create("bench", "admin")
        database.close()
        loads, milliseconds = _measure(home, secret)
    rows, misses = [], []
    for name, page in loads.items():
        first, *later = (milliseconds[request_id] for request_id in page.request_ids)
        high, size_kb = _quantile_95(later), page.size / 1024
        if max(high, first) > MOST_MS or size_kb > MOST_KB:
            misses.append(name)
        times = [first, statistics.median(later), high, max(later), page.cpu_s * 1000 / CALLS]
        rows.append([name, *(f"{value:.0f}" for value in times), f"{size_kb:.0f}"])
    header = ["page", "first ms", "median ms", "p95 ms", "worst ms", "CPU ms", "KB, gzip"]
    return (
        f"{pages_store.PROJECTS * pages_store.MODELS} models of {pages_store.PROJECTS} projects, {pages_store.DAYS} days of"
        f" {len(pages_store.KINDS)} columns each; {CALLS} requests a page after the first, one at a time. Milliseconds of the"
        " server until the answer is sent, and CPU milliseconds of its process, including its background work."
        f" Other processes had given the machine a load of {load:.1f} before."
        f" Aims: p95 and the first request within {MOST_MS:.0f} ms, {MOST_KB:.0f} KB; missed by: {', '.join(misses) or 'none'}.\n\n"
        + table(header, rows)
    )


def _measure(home: Path, secret: str) -> tuple[Mapping[str, _Loads], Mapping[str, float]]:
    [port] = free_ports(1)
    base, log = f"http://127.0.0.1:{port}", home / "server.log"
    env = {**environment("MLFLOW", "DAGSTER"), "ML_GUARD_HOME": str(home), "ML_GUARD_PORT": str(port)}
    with (
        process([str(_COMMAND), "serve"], env, log, f"{base}/readyz") as pid,
        httpx.Client(base_url=base, timeout=60, trust_env=False) as client,
    ):
        client.post("/sign-in", data={"key": secret}, follow_redirects=True).raise_for_status()
        loads = {name: _load(client, address, pid) for name, address in _addresses().items()}
    return loads, dict(_log_milliseconds(log))


def _addresses() -> Mapping[str, str]:
    day = pages_store.newest_day()
    key = "project-0", "model-0"
    model = "/projects/{}/models/{}".format(*key)
    incident = pages_store.incident_id(*key, pages_store.VERSIONS)
    return {
        "overview": "/",
        "model, 90 days": model,
        "model, 365 days": f"{model}?period=365",
        "day": f"{model}/days/{day - timedelta(days=30)}",
        "feature": f"{model}/features/number_3",
        "feature, 365 days": f"{model}/features/number_3?start={day - timedelta(days=364)}&end={day}",
        "slices": f"{model}/slices?period=365",
        "versions": f"{model}/versions",
        "version": f"{model}/versions/3",
        "comparison": f"{model}/comparison?a=3&b=5",
        "report": f"{model}/report?month={day.replace(day=1) - timedelta(days=1):%Y-%m}",
        "incidents": "/incidents",
        "incident": f"/incidents/{incident}",
        "evidence": "/evidence?id=project-0~model-0/3",
        "costs": "/costs",
        "costs of a project": "/costs?project=project-0",
        "audit": "/audit",
        "system": "/system",
        "settings": "/settings",
        "settings of a project": "/settings/projects/project-0",
        "ask": "/ask",
    }


def _load(client: httpx.Client, address: str, pid: int) -> _Loads:
    """Request a page once, and then many times."""
    request_ids, size, before = [], 0, 0.0
    for number in range(CALLS + 1):
        with client.stream("GET", address) as answer:
            answer.read()
        if answer.status_code != httpx.codes.OK:
            raise RuntimeError(f"{address} was answered with {answer.status_code}: {answer.text[:2000]}")
        request_ids.append(answer.headers["x-request-id"])
        size = answer.num_bytes_downloaded
        before = before if number else _cpu_s(pid)
    return _Loads(request_ids, _cpu_s(pid) - before, size)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _log_milliseconds(log: Path) -> Iterator[tuple[str, float]]:
    for line in log.read_text().splitlines():
        if line.startswith("{") and (entry := json.loads(line)).get("logger") == "serving.access":
            yield entry["request_id"], entry["duration_ms"]


def _quantile_95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
