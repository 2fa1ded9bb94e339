"""Seconds from a fresh clone to a newcomer's first verdict: by `ml-guard import` of a file, and by the SDK from a FastAPI app.

The commands are those of the README; a new environment is created, packages come from pip's or uv's cache if they are there.
"""

import asyncio
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from fastapi import FastAPI
from ml_guard import BackgroundClient, MLGuardClient

from bench.measure import table
from bench.servers import environment, free_ports

ROWS, DAYS, BASELINE_DAYS = 12_000, 60, 28
CHANGED_DAYS = 10  # the last days, on which `age` is higher
KEY = "demo-key"
_IMPORT = "import history.csv --project shop --model churn --label churned"
_AT_ONCE = 50


class NoVerdictError(Exception):
    """A step failed, or the change was not called."""


@dataclass
class Steps:
    """Commands that a newcomer types, with their seconds."""

    folder: Path
    env: Mapping[str, str]
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, command: str, *, shown: str | None = None) -> str:
        """Run a command and return what it prints.

        Raises
        ------
        NoVerdictError
            If it fails.
        """
        started = time.perf_counter()
        done = subprocess.run(
            command.split(), cwd=self.folder, env=dict(self.env), capture_output=True, text=True, check=False
        )
        self.seconds[shown or command] = time.perf_counter() - started
        if done.returncode:
            raise NoVerdictError(f"{command}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout


def run() -> str:
    """Measure and return the Markdown section."""
    with tempfile.TemporaryDirectory() as folder:
        port, dagster_port, mlflow_port = free_ports(3)
        ports = {
            "ML_GUARD_PORT": str(port),
            "ML_GUARD_DAGSTER_PORT": str(dagster_port),
            "ML_GUARD_MLFLOW_PORT": str(mlflow_port),
        }
        clone = Path(folder, "clone")
        steps = Steps(Path(folder), {**environment("DAGSTER_"), **ports})
        steps.run(f"git clone --quiet {Path.cwd()} {clone}", shown="git clone")
        steps.folder = clone
        write_history(clone / "history.csv")
        try:
            addresses = steps.run("make up")
            findings = steps.run(f".venv/bin/ml-guard {_IMPORT}", shown=f"ml-guard {_IMPORT}")
            if "drift" not in findings:
                raise NoVerdictError(f"the change was not called:\n{findings[-2000:]}")
            find_on_page(addresses)
            by_file = sum(steps.seconds.values())
            started = time.perf_counter()
            asyncio.run(report_from_app(f"http://127.0.0.1:{port}"))
            by_app = by_file - steps.seconds[f"ml-guard {_IMPORT}"] + time.perf_counter() - started
        finally:
            steps.run("make down", shown="make down")
    rows = [[f"`{command}`", f"{seconds:.0f}"] for command, seconds in steps.seconds.items() if command != "make down"]
    return (
        f"{ROWS:,} rows over {DAYS} days; `age` changes on the last {CHANGED_DAYS}. Seconds to the first verdict on it: **{by_file:.0f}** by"
        f" `ml-guard import` (three commands), **{by_app:.0f}** by the SDK from a FastAPI app instead. The aim is 300.\n\n"
        + table(["command", "seconds"], rows)
    )


def find_on_page(addresses: str) -> None:
    """Open the pages by the link that `make up` prints, and find the change on the model's page.

    Raises
    ------
    NoVerdictError
        If the page does not say it.
    """
    (link,) = (line.split()[1] for line in addresses.splitlines() if line.startswith("Pages "))
    with httpx.Client(follow_redirects=True, trust_env=False) as browser:
        browser.get(link).raise_for_status()
        page = browser.get(str(httpx.URL(link).join("/projects/shop/models/churn"))).text
    sentence = page.partition("<h1>")[2].partition("</h1>")[0]
    if "moved since its baseline: age" not in sentence:
        raise NoVerdictError(f"the page of the model does not say that age has moved: {sentence}")


def history() -> Iterator[dict[str, Any]]:
    """Yield predictions of a model with their outcomes, a day after the other."""
    rng = np.random.default_rng(7)
    first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    for row in range(ROWS):
        day, number = divmod(row, ROWS // DAYS)
        changed = day >= DAYS - CHANGED_DAYS
        probability = float(rng.beta(2, 3))
        yield {
            "time": (first + timedelta(days=day, seconds=int(number * 86_400 / (ROWS // DAYS)))).isoformat(),
            "prediction": int(probability > 0.5),
            "probability": round(probability, 4),
            "age": round(float(rng.normal(52 if changed else 40, 10)), 1),
            "plan": str(rng.choice(["basic", "plus", "pro"])),
            "churned": int(rng.random() < probability),
        }


def write_history(path: Path) -> None:
    """Write the history as a CSV file."""
    rows = list(history())
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def application(background: BackgroundClient) -> FastAPI:
    """Return a small application that scores customers and reports what it has predicted."""
    app = FastAPI()

    @app.post("/score")
    def score(body: dict[str, Any]) -> dict[str, Any]:
        background.ingest(
            project_id="shop-app",
            model_id="churn",
            timestamp=body["time"],
            y_pred=body["prediction"],
            y_proba=body["probability"],
            features={"age": body["age"], "plan": body["plan"]},
        )
        return {"prediction": body["prediction"]}

    return app


async def report_from_app(url: str) -> None:
    """Score the history through the application, and wait until the change is called.

    Raises
    ------
    NoVerdictError
        If an event was lost, or the change was not called.
    """
    with MLGuardClient(url, KEY) as client, BackgroundClient(url, KEY) as background:
        client.ensure_project("shop-app", name="Shop")
        transport = httpx.ASGITransport(application(background))
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as http:
            rows = list(history())
            for start in range(0, len(rows), _AT_ONCE):
                await asyncio.gather(*(http.post("/score", json=row) for row in rows[start : start + _AT_ONCE]))
        background.flush()
        await asyncio.to_thread(_judge, client, sorted({row["time"][:10] for row in rows}))


def _judge(client: MLGuardClient, days: Sequence[str]) -> None:
    for day in days:
        client.wait_until_processed("shop-app", "churn", day, timeout_s=300)
    client.capture_baseline("shop-app", "churn", days[0], days[BASELINE_DAYS - 1])
    for day in days:
        client.wait_until_processed("shop-app", "churn", day, timeout_s=300)
    (report,) = client.drift("shop-app", "churn", start=days[-1], end=days[-1])
    if report["drifted"] != ["age"]:
        raise NoVerdictError(f"age should have drifted, and nothing else: {report['drifted']}")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.stdout.write(run() + "\n")
