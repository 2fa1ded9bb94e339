"""Health as load balancers and people see it."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_store.day_state.ticks import UNPROCESSED_DAYS, TickStore
from guard_store.db.migrate import migrate
from serving.app import Services
from serving.health import service
from tests.support.model_days import Model
from tests.support.sample_knowledge import store_sample
from tests.support.settings import with_values


async def test_health_is_exactly_ok(anonymous: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/api/v1/health"):
        answer = await anonymous.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_readiness_tells_how_the_knowledge_base_stands(anonymous: httpx.AsyncClient, settings: Settings) -> None:
    async def readiness(holds: Callable[[Any], bool]) -> Any:
        for _ in range(400):
            answer = (await anonymous.get("/readyz")).json()
            if holds(answer):
                return answer
            await asyncio.sleep(0.05)
        raise AssertionError(answer)

    empty = await readiness(lambda answer: answer["knowledge"]["retrieval"] != "loading")
    assert empty == {"status": "ok", "knowledge": {"retrieval": "empty"}}
    version = store_sample(settings)
    loaded = await readiness(lambda answer: answer["knowledge"]["retrieval"] != "empty")
    assert loaded == {"status": "ok", "knowledge": {"retrieval": "hybrid", "version": version.number}}
    (settings.storage.home / "lake" / "_knowledge" / "embeddings" / "_delta_log" / f"{0:020}.json").write_text("{")
    degraded = await readiness(lambda answer: answer["status"] == "degraded")
    assert "cannot be loaded" in degraded["degraded"]["knowledge"]
    assert degraded["knowledge"] == loaded["knowledge"]


async def test_a_silent_daemon_degrades_readiness_until_its_sensor_runs_again(
    anonymous: httpx.AsyncClient, services: Services
) -> None:
    async def read_problems() -> dict[str, str]:
        answer = await anonymous.get("/readyz")
        assert answer.status_code == 200
        problems: dict[str, str] = answer.json().get("degraded", {})
        assert answer.json()["status"] == ("degraded" if problems else "ok")
        return problems

    ticks = TickStore(services.database)
    assert await read_problems() == {}  # without a first tick, no daemon is expected
    ticks.record(UNPROCESSED_DAYS, now_us() - 61 * SECOND_US)
    assert "no day is processed until Dagster's daemon runs" in (await read_problems())["pipelines"]
    ticks.record(UNPROCESSED_DAYS, now_us() - 55 * SECOND_US)
    assert await read_problems() == {}


async def test_days_that_wait_for_a_daemon_which_has_never_run_degrade_readiness(
    anonymous: httpx.AsyncClient, services: Services, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    await model.send(0)
    assert (await anonymous.get("/readyz")).json()["status"] == "ok", "Dagster's daemon may still be starting"
    monkeypatch.setattr(service, "_FIRST_TICK_S", 0.0)
    problems = (await anonymous.get("/readyz")).json()["degraded"]
    assert problems["pipelines"].startswith("1 closed day waits for Dagster's daemon, which has never run")
    TickStore(services.database).record(UNPROCESSED_DAYS, now_us())
    assert (await anonymous.get("/readyz")).json()["status"] == "ok"


class TestLongInterval:
    """With an interval of a minute, six of them are waited for."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return with_values(settings, pipelines_interval_s=60)

    async def test_a_daemon_with_a_long_interval_is_silent_after_several_intervals(
        self, anonymous: httpx.AsyncClient, services: Services
    ) -> None:
        for age_s, status in ((350, "ok"), (365, "degraded")):
            TickStore(services.database).record(UNPROCESSED_DAYS, now_us() - age_s * SECOND_US)
            assert (await anonymous.get("/readyz")).json()["status"] == status


class TestFullDisk:
    """The home folder's disk has less room than the setting asks for."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return with_values(settings, min_free_bytes=10**18)

    async def test_a_full_disk_is_not_ready_and_its_setting_is_named(self, anonymous: httpx.AsyncClient) -> None:
        answer = await anonymous.get("/readyz")
        assert (answer.status_code, answer.json()["failing"]) == (503, ["disk"])
        assert "ML_GUARD_MIN_FREE_BYTES" in answer.json()["detail"]


async def test_an_old_schema_is_not_ready_and_named(anonymous: httpx.AsyncClient, services: Services) -> None:
    migrate(services.database, "base")
    answer = await anonymous.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["failing"] == ["migrations"]
    assert "ml-guard migrate" in answer.json()["detail"]
    assert answer.headers["Retry-After"]


async def test_a_database_that_is_away_is_named_without_its_address(
    anonymous: httpx.AsyncClient, services: Services
) -> None:
    await services.alerts.stop()  # it looks each second, and would hold a connection while all are closed
    _take_away(services)
    answer = await anonymous.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["failing"] == ["database"]
    assert str(services.database.url.database) not in answer.text
    assert (await anonymous.get("/healthz")).status_code == 200


def _take_away(services: Services) -> None:
    database = services.database
    database.close()
    if database.is_sqlite:
        database.path.unlink()
        database.path.mkdir()
        return
    server = database.url.set(drivername="postgresql", database="postgres")
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{database.url.database}" WITH (FORCE)')
