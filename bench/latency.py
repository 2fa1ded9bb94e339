"""Seconds from new events of a closed day to its verdict, in the running system, split by phase.

The sensor treats late events of a closed day like a day that has just closed; late events can be sent at any hour.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from dagster import DagsterEventType, DagsterInstance
from ml_guard import MLGuardClient

from bench.measure import table
from bench.servers import environment, free_ports

ROUNDS = 5
EVENTS_A_ROUND = 5_000
STEPS = ("raw_events", "daily_aggregates", "drift_reports")
PROJECT, MODEL = "bench", "bench"
_COMMAND = Path(sys.executable).with_name("ml-guard")
_WAIT_S = 180


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds of each phase between sending the events and the verdict that the API shows."""

    sensor_s: float
    start_s: float
    steps_s: Mapping[str, float]
    total_s: float

    @property
    def rest_s(self) -> float:
        """Time between steps, and until the next poll of the API."""
        return self.total_s - self.sensor_s - self.start_s - sum(self.steps_s.values())


def run() -> str:
    """Measure and return the Markdown section."""
    with tempfile.TemporaryDirectory() as folder, _system(Path(folder)) as (client, dagster_home):
        rounds = list(_rounds(client, dagster_home))
    cells = [
        [
            f"{number}",
            *(f"{seconds:.1f}" for seconds in (r.sensor_s, r.start_s)),
            *(f"{r.steps_s[step]:.1f}" for step in STEPS),
            f"{r.rest_s:.1f}",
            f"{r.total_s:.1f}",
        ]
        for number, r in enumerate(rounds, 1)
    ]
    header = ["round", "waits for the sensor", "run starts", *STEPS, "rest", "total s"]
    return (
        f"{EVENTS_A_ROUND:,} late events of 20 features for yesterday in each round, the embedded system with all settings at"
        " their defaults. The first round includes capturing the baseline.\n\n" + table(header, cells)
    )


def _rounds(client: MLGuardClient, dagster_home: Path) -> Iterator[Round]:
    client.create_project(PROJECT)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    noon = yesterday.replace(hour=12, minute=0, second=0, microsecond=0)
    random = np.random.default_rng(7)
    for number in range(ROUNDS):
        sent_at = time.time()
        client.ingest_events(_events(noon, number, random))
        if number == 0:
            _wait_for(client, noon, sent_at)
            client.capture_baseline(
                project_id=PROJECT, model_id=MODEL, start=f"{noon:%Y-%m-%d}", end=f"{noon:%Y-%m-%d}"
            )
            sent_at = time.time()
        _wait_for(client, noon, sent_at)
        shown_at = time.time()
        yield _phases(dagster_home, sent_at, shown_at)


def _events(noon: datetime, number: int, random: np.random.Generator) -> Iterator[dict[str, Any]]:
    values = random.standard_normal((EVENTS_A_ROUND, 20))
    for i, row in enumerate(values.tolist()):
        yield {
            "event_id": f"{number}-{i}",
            "project_id": PROJECT,
            "model_id": MODEL,
            "endpoint": "predict",
            "timestamp": noon + timedelta(milliseconds=i),
            "latency_ms": 10.0,
            "y_pred": 1,
            "y_proba": 0.5,
            "features": {f"n{k}": value for k, value in enumerate(row)},
        }


def _wait_for(client: MLGuardClient, noon: datetime, since: float) -> None:
    """Wait until the day's drift report is newer than `since`."""
    day, deadline = f"{noon:%Y-%m-%d}", time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        reports = list(client.drift(project_id=PROJECT, model_id=MODEL, start=day, end=day))
        if reports and datetime.fromisoformat(reports[0]["computed_at"]).timestamp() >= since:
            return
        time.sleep(0.1)
    raise TimeoutError(f"no verdict within {_WAIT_S} s")


def _phases(dagster_home: Path, sent_at: float, shown_at: float) -> Round:
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    with DagsterInstance.get() as instance:
        record = next(r for r in instance.get_run_records(limit=5) if r.create_timestamp.timestamp() >= sent_at)
        entries = instance.all_logs(record.dagster_run.run_id, of_type=_STEP_EVENTS)
    started: dict[str, float] = {}
    steps: dict[str, float] = {}
    for entry in entries:
        event = entry.get_dagster_event()
        if event.event_type is DagsterEventType.STEP_START:
            started[str(event.step_key)] = entry.timestamp
        else:
            steps[str(event.step_key)] = entry.timestamp - started[str(event.step_key)]
    created = record.create_timestamp.timestamp()
    steps = {step: sum(s for key, s in steps.items() if key.startswith(step)) for step in STEPS}
    return Round(created - sent_at, min(started.values()) - created, steps, shown_at - sent_at)


_STEP_EVENTS = {DagsterEventType.STEP_START, DagsterEventType.STEP_SUCCESS}


@contextmanager
def _system(home: Path) -> Iterator[tuple[MLGuardClient, Path]]:
    port, dagster_port = free_ports(2)
    env = {
        **environment(),
        "ML_GUARD_HOME": str(home),
        "ML_GUARD_PORT": str(port),
        "ML_GUARD_DAGSTER_PORT": str(dagster_port),
        "ML_GUARD_PIPELINES_CLOSE_DELAY_S": "0",
    }
    subprocess.run([_COMMAND, "up", "--detach"], env=env, check=True, stdout=subprocess.DEVNULL)
    try:
        with MLGuardClient(base_url=f"http://127.0.0.1:{port}", api_key="demo-key") as client:
            yield client, home / "dagster"
    finally:
        subprocess.run([_COMMAND, "down"], env=env, check=True, stdout=subprocess.DEVNULL)
