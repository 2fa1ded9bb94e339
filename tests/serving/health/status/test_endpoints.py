"""The status of the installation: what waits, what has failed, and that an unreadable part hides no other."""

import platform
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_store.day_state.store import DayStateStore
from guard_store.day_state.ticks import UNPROCESSED_DAYS, TickStore
from serving.app import Services
from tests.support.alert_facts import PROJECT, Facts
from tests.support.clients import Clients
from tests.support.model_days import Model, day_of


async def read_status(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/api/v1/status")
    assert answer.status_code == 200, answer.text
    status: dict[str, Any] = answer.json()
    return status


async def test_the_status_of_a_new_installation_has_nothing_waiting(analyst: httpx.AsyncClient) -> None:
    status = await read_status(analyst)
    assert status["backlog"] == {"waiting_days": 0, "failed_days": 0, "open_days": 0, "models": [], "failed": []}
    assert status["sensors"] == [{"name": UNPROCESSED_DAYS, "ticked_at": None, "is_silent": False}]
    assert status["outbox"] == {"waiting": 0, "dead": 0, "oldest_at": None}
    assert (status["failures"], status["problems"]) == ([], {})
    assert status["queue"]["rows"] == 0
    assert status["versions"]["python"] == platform.python_version()
    assert status["versions"]["schema_revision"]
    assert datetime.now(UTC) - datetime.fromisoformat(status["started_at"]) < timedelta(minutes=1)


async def test_waiting_failed_and_open_days_are_counted_apart(
    analyst: httpx.AsyncClient, services: Services, model: Model, settings: Settings
) -> None:
    for number in range(3):
        await model.send(number)
    day_states = DayStateStore(services.database)
    failed = day_states.due(settings)[0]
    day_states.fail(failed, "ValueError: no such column")
    backlog = (await read_status(analyst))["backlog"]
    assert backlog["models"] == [
        {
            "project_id": "flights",
            "model_id": "late",
            "waiting_days": 2,
            "oldest_waiting": day_of(1),
            "failed_days": 1,
            "open_days": 0,
        }
    ]
    (day,) = backlog["failed"]
    assert (day["day"], day["stage"], day["error"]) == (day_of(0), "lake", "ValueError: no such column")
    assert (day["attempts"], day["is_given_up"]) == (1, False)


async def test_a_key_of_another_project_sees_no_backlog(clients: Clients, services: Services, model: Model) -> None:
    await model.send(0)
    services.projects.create("shop", "Shop", "UTC")
    assert (await read_status(clients.of("analyst", "shop")))["backlog"]["models"] == []


async def test_guests_are_refused(clients: Clients, anonymous: httpx.AsyncClient) -> None:
    assert (await clients.of("guest").get("/api/v1/status")).status_code == 403
    assert (await anonymous.get("/api/v1/status")).status_code == 401


async def test_a_silent_daemon_is_reported(analyst: httpx.AsyncClient, services: Services) -> None:
    for age_s, silent in ((10, False), (700, True)):
        TickStore(services.database).record(UNPROCESSED_DAYS, now_us() - age_s * SECOND_US)
        (sensor,) = (await read_status(analyst))["sensors"]
        assert sensor["is_silent"] is silent


async def test_failed_runs_and_dead_messages_are_reported(analyst: httpx.AsyncClient, services: Services) -> None:
    await services.alerts.stop()
    facts = Facts(services.database)
    facts.write("pipeline_failure", "pipeline/daily", "A run of the job daily has failed: disk full")
    facts.fold()
    status = await read_status(analyst)
    assert [alert["summary"] for alert in status["failures"]] == ["A run of the job daily has failed: disk full"]
    assert status["failures"][0]["project_id"] == PROJECT
    assert (status["outbox"]["waiting"], status["outbox"]["dead"]) == (1, 0)
    assert status["outbox"]["oldest_at"] == "2013-03-05T12:00:00Z"


async def test_a_part_that_cannot_be_read_is_named_and_hides_no_other(
    analyst: httpx.AsyncClient, services: Services
) -> None:
    with services.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE sensor_ticks")
    status = await read_status(analyst)
    assert status["sensors"] is None
    assert status["problems"].keys() == {"sensors"}
    assert "cannot be read" in status["problems"]["sensors"]
    assert status["backlog"] is not None


async def test_the_disk_lists_the_parts_of_the_home_by_size(analyst: httpx.AsyncClient, settings: Settings) -> None:
    (settings.storage.home / "lake" / "deep").mkdir(parents=True, exist_ok=True)
    (settings.storage.home / "lake" / "deep" / "part.parquet").write_bytes(b"x" * 10_000_000)
    disk = (await read_status(analyst))["disk"]
    assert (disk["names"][0], disk["sizes"][0]) == ("lake", 10_000_000)
    assert disk["total"] == sum(disk["sizes"])
    assert disk["free"] > 0


async def test_waiting_days_need_attention_only_while_no_daemon_has_run(
    analyst: httpx.AsyncClient, services: Services, model: Model
) -> None:
    await model.send(0)
    status = await read_status(analyst)
    assert status["headline"] == "1 day waits because Dagster's daemon has not run yet"
    assert status["is_healthy"] is False
    TickStore(services.database).record(UNPROCESSED_DAYS, now_us())
    status = await read_status(analyst)
    assert (status["headline"], status["is_healthy"]) == ("1 day waits", True)
