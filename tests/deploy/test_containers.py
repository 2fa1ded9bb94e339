"""What runs in the containers, as processes: each one's exact command and environment, from nothing to a day's metrics."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from datetime import time as dtime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.deploy.compose import Service, read_services
from tests.deploy.machine import Machine
from tests.deploy.postgres import postgres

# With every character that breaks a URL, a shell or an INI file.
PASSWORD = "p@ss:w/rd %#?&'"
DOTENV = {"POSTGRES_PASSWORD": PASSWORD, "ML_GUARD_PIPELINES_INTERVAL_S": "1"}
PROJECT, MODEL = "shop", "churn"
EVENTS_A_DAY = 120


class System:
    """The running system, and what its first start said."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.first_start = machine.run("serving", environment={"ML_GUARD_HOST": "0.0.0.0"})  # noqa: S104 (as it is written)
        machine.up(["first-key"])
        self.key = (machine.folder / "volumes" / "secrets" / "api-key").read_text().strip()

    def url(self, service: str, port: int) -> str:
        """Where a container's port is."""
        return f"http://{self.machine.addresses[service]}:{port}"

    def rows(self, database: str, query: str) -> list[tuple[Any, ...]]:
        """The answer of PostgreSQL, asked over TCP with the password."""
        address = self.machine.addresses["postgres"]
        with psycopg.connect(host=address, user="guard", password=PASSWORD, dbname=database) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("containers")
    machine = Machine(read_services(DOTENV, ci=True), folder)
    machine.skip_without_addresses()
    machine.up(["setup"])
    service = machine.services["postgres"]
    password = Path(machine.environment(service)["POSTGRES_PASSWORD_FILE"]).read_text()
    with postgres(service, machine.addresses["postgres"], password, folder / "postgres") as programs:
        machine.programs["postgres"] = programs
        assert machine.is_healthy("postgres")
        try:
            # Slow starters first; meanwhile the key is created without which serving does not start.
            others = [name for name, service in machine.services.items() if _is_dagster_or_mlflow(service)]
            with ThreadPoolExecutor(1) as pool:
                starting = pool.submit(machine.up, others)
                system = System(machine)
                machine.up(["serving"])
                starting.result()
            yield system
        finally:
            machine.down()


def _is_dagster_or_mlflow(service: Service) -> bool:
    return service.is_ours and not service.ends and service.name != "serving"


def _wait_for(read: Callable[[], list[dict[str, Any]]], timeout_s: float, machine: Machine) -> list[dict[str, Any]]:
    deadline = time.monotonic() + timeout_s
    while not (value := read()):
        assert time.monotonic() < deadline, machine.log("code-server") + machine.log("dagster-daemon")
        time.sleep(0.5)
    return value


def test_serving_refuses_to_be_open_before_there_is_an_admin_key(system: System) -> None:
    assert system.first_start.returncode != 0
    assert "0.0.0.0" in system.first_start.stderr  # noqa: S104 (a message)
    assert "ml-guard keys create" in system.first_start.stderr


def test_dagster_reaches_the_code_server_and_all_its_daemons_live(system: System) -> None:
    query = """{
      workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } }
      instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
    }"""
    data = httpx.post(system.url("dagster-webserver", 3000) + "/graphql", json={"query": query}).json()["data"]
    assert [entry["locationOrLoadError"]["__typename"] for entry in data["workspaceOrError"]["locationEntries"]] == [
        "RepositoryLocation"
    ]
    daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    assert "SENSOR" in {daemon["daemonType"] for daemon in daemons}
    assert [daemon["daemonType"] for daemon in daemons if daemon["required"] and not daemon["healthy"]] == []


def test_events_of_closed_days_become_metrics_through_all_containers(system: System) -> None:
    days = [datetime.now(UTC).date() - timedelta(days=back) for back in (3, 2)]
    with httpx.Client(base_url=system.url("serving", 8000), headers={"X-API-Key": system.key}, timeout=30) as client:
        made = client.post("/api/v1/projects", json={"id": PROJECT, "name": "Shop", "timezone": "UTC"})
        assert made.is_success, made.text
        for day in days:
            sent = client.post("/api/v1/events/batch", json=_events(day))
            assert sent.is_success, sent.text
            assert sent.json()["accepted"] == EVENTS_A_DAY

        def metrics() -> list[dict[str, Any]]:
            path = f"/api/v1/projects/{PROJECT}/models/{MODEL}/metrics"
            found = client.get(path, params={"start": str(days[0]), "end": str(days[-1])}).json()["items"]
            return found if len(found) == len(days) else []

        found = _wait_for(metrics, 90, system.machine)
    assert [(item["day"], item["count"]) for item in found] == [(str(day), EVENTS_A_DAY) for day in days]
    # It went the way that the compose file draws.
    assert system.rows("guard", "SELECT count(*) FROM events") == [(2 * EVENTS_A_DAY,)]
    runs = {run_id for (run_id,) in system.rows("dagster", "SELECT run_id FROM runs WHERE status <> 'FAILURE'")}
    assert {item["run_id"] for item in found} <= runs
    assert list((system.machine.folder / "volumes" / "guard" / "lake").rglob("_delta_log"))


def _events(day: date) -> list[dict[str, Any]]:
    start = datetime.combine(day, dtime(), UTC)
    return [
        {
            "project_id": PROJECT,
            "model_id": MODEL,
            "endpoint": "predict",
            "timestamp": (start + timedelta(minutes=10 * number)).isoformat(),
            "latency_ms": 20 + number % 7,
            "y_pred": number % 2,
            "y_proba": number / EVENTS_A_DAY,
            "features": {"age": 20 + number % 50, "country": "CA" if number % 3 else "US"},
        }
        for number in range(EVENTS_A_DAY)
    ]


@pytest.mark.timeout(500)
def test_validation_of_ci_passes_with_the_first_key(system: System) -> None:
    done = system.machine.run("validation", timeout_s=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "validation passed"


def test_a_second_start_keeps_the_password_and_the_first_key(system: System) -> None:
    folder = system.machine.folder / "volumes" / "secrets"
    files = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(files) == {"postgres-password", "pgpass", "api-key"}
    for name in ("setup", "first-key"):
        done = system.machine.run(name)
        assert done.returncode == 0, done.stderr
        assert not any(secret.strip() in done.stdout + done.stderr for secret in files.values())
    assert {path.name: path.read_text() for path in folder.iterdir()} == files


def test_dagster_keeps_everything_in_postgresql(system: System) -> None:
    tables = {name for (name,) in system.rows("dagster", "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert {"runs", "event_logs", "jobs", "job_ticks", "daemon_heartbeats"} <= tables
    assert not list(system.machine.folder.rglob("*.db"))


def test_mlflow_serves_its_container_name_and_keeps_runs_in_postgresql_and_files_in_its_volume(system: System) -> None:
    url = system.url("mlflow", 5000)
    made = httpx.post(f"{url}/api/2.0/mlflow/experiments/create", json={"name": "late flights"})
    assert made.is_success, made.text  # its host is the container's address: allowed by our setting alone
    assert httpx.get(f"{url}/api/2.0/mlflow/experiments/get", headers={"Host": "evil.example"}).status_code == 403
    assert ("late flights",) in system.rows("mlflow", "SELECT name FROM experiments")
    assert httpx.put(f"{url}/api/2.0/mlflow-artifacts/artifacts/a/b.txt", content=b"kept").is_success
    assert (system.machine.folder / "volumes" / "artifacts" / "artifacts" / "a" / "b.txt").read_bytes() == b"kept"


def test_logs_of_serving_are_json_and_hold_no_password(system: System) -> None:
    lines = [json.loads(line) for line in system.machine.log("serving").splitlines()]
    assert lines
    for name, service in system.machine.services.items():
        if service.is_ours:
            assert PASSWORD not in system.machine.log(name)
