"""Gauges of stored results: each has the value of the newest day, in few statements, for as many models as are allowed."""

import threading
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import delete, event

from guard_core.settings import Settings
from guard_store.day_state.tables import day_states
from guard_store.db.database import Database
from serving.app import Services
from serving.health.metrics.families import FAMILIES
from serving.health.metrics.results import ResultCollector
from tests.support.model_days import MODEL, Model
from tests.support.result_gauges import read_samples, store_every_result
from tests.support.settings import settings_of

MODEL_LABELS = {"project": "flights", "model": MODEL}


def midnight(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("America/New_York")).timestamp()


def collect(database: Database, settings: Settings) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    return {
        family.name: {frozenset(sample.labels.items()): sample.value for sample in family.samples}
        for family in ResultCollector(database, settings).collect()
    }


async def test_every_gauge_has_the_value_of_the_newest_result(
    services: Services, project: str, model: Model, anonymous: httpx.AsyncClient
) -> None:
    await store_every_result(services, project, model)
    samples = await read_samples(anonymous)

    def value(name: str, **labels: str) -> float:
        return samples[name][frozenset(labels.items())]

    assert value("ml_guard_results_up") == 1
    assert value("ml_guard_results_omitted_models") == 0
    assert value("ml_guard_drift_verdict_columns", **MODEL_LABELS, verdict="drift") == 2
    assert value("ml_guard_drift_verdict_columns", **MODEL_LABELS, verdict="stable") == 1
    assert value("ml_guard_drift_verdict_columns", **MODEL_LABELS, verdict="warning") == 0
    assert value("ml_guard_drift_day_end_timestamp_seconds", **MODEL_LABELS) == midnight("2013-01-03")
    assert value("ml_guard_performance_realised", **MODEL_LABELS, metric="roc_auc") == 0.7
    assert value("ml_guard_performance_estimated", **MODEL_LABELS, metric="roc_auc") == 0.75
    assert value("ml_guard_performance_baseline", **MODEL_LABELS, metric="roc_auc") == 0.8
    for kind in ("realised", "estimated"):
        end = value("ml_guard_performance_day_end_timestamp_seconds", **MODEL_LABELS, kind=kind)
        assert end == midnight("2013-01-02")
    assert value("ml_guard_newest_event_timestamp_seconds", **MODEL_LABELS) == 1357146000  # 2013-01-02T17:00:00Z
    assert value("ml_guard_done_day_end_timestamp_seconds", **MODEL_LABELS) == midnight("2013-01-02")
    assert value("ml_guard_waiting_day_end_timestamp_seconds", **MODEL_LABELS) == midnight("2013-01-03")
    days = {state: value("ml_guard_unprocessed_days", **MODEL_LABELS, state=state) for state in ("waiting", "given_up")}
    assert days == {"waiting": 1, "given_up": 0}
    assert value("ml_guard_champion_timestamp_seconds", **MODEL_LABELS, version="3") > 1_700_000_000
    assert value("ml_guard_incidents_open", **MODEL_LABELS) == 1
    assert value("ml_guard_incidents_open", project="", model="") == 0
    assert value("ml_guard_llm_cost_today_usd", project=project) == 0.01
    assert value("ml_guard_aws_day_cost", project=project, currency="USD") == 2.5
    assert value("ml_guard_aws_day_end_timestamp_seconds", project=project) == midnight("2026-01-31")
    assert list(samples["ml_guard_budget_left_ratio"].values()) == [0.75]
    assert value("ml_guard_sensor_tick_timestamp_seconds", sensor="unprocessed_days") == 1_700_000_000
    assert {name for name in FAMILIES if not samples.get(name)} == set()


async def test_days_that_are_retried_and_days_that_are_given_up_are_apart(
    services: Services, project: str, model: Model, anonymous: httpx.AsyncClient, settings: Settings
) -> None:
    await model.send(0)
    await model.send(1)
    model.mark(0, failed_revision=day_states.c.revision, attempts=1)
    model.mark(1, failed_revision=day_states.c.revision, attempts=settings.pipelines.retries + 1)
    values = (await read_samples(anonymous))["ml_guard_unprocessed_days"]
    assert {dict(labels)["state"]: value for labels, value in values.items()} == {
        "waiting": 0,
        "failed": 1,
        "given_up": 1,
        "open": 0,
    }


async def test_the_number_of_statements_does_not_grow_with_the_models(
    services: Services, project: str, model: Model, settings: Settings
) -> None:
    statements: list[str] = []

    def count() -> int:
        statements.clear()
        collect(services.database, settings)
        return sum(statement.startswith("SELECT") for statement in statements)

    await model.send(0)
    engine = services.database.engine
    own_thread = threading.get_ident()  # the server's own tasks read in other threads

    def record(*arguments: Any) -> None:
        if threading.get_ident() == own_thread:
            statements.append(arguments[2])

    event.listen(engine, "before_cursor_execute", record)
    of_one = count()
    for n in range(3):
        await model.send(0, model_id=f"m{n}", event_id=f"m{n}")
    assert count() == of_one
    assert 10 < of_one < 20


async def test_beyond_the_limit_the_models_with_the_newest_events_have_gauges_and_the_others_are_counted(
    services: Services, project: str, model: Model, settings: Settings
) -> None:
    await model.send(0, rows=1, model_id="a")
    await model.send(1, rows=1, model_id="b")
    few = settings.model_copy(update={"server": settings.server.model_copy(update={"metrics_models": 1})})
    gauges = collect(services.database, few)
    (labels,) = gauges["ml_guard_newest_event_timestamp_seconds"]
    assert dict(labels)["model"] == "b"
    assert gauges["ml_guard_results_omitted_models"] == {frozenset(): 1}


async def test_the_series_of_a_deleted_model_end(
    services: Services, project: str, model: Model, settings: Settings
) -> None:
    await store_every_result(services, project, model)
    with services.database.write() as connection:
        connection.execute(delete(day_states))
    series = {labels for family in collect(services.database, settings).values() for labels in family}
    assert not [labels for labels in series if ("model", MODEL) in labels]


async def test_gauges_are_read_once_in_the_time_of_the_cache(
    services: Services, project: str, model: Model, settings: Settings
) -> None:
    collector = ResultCollector(services.database, settings)
    before = list(collector.collect())
    await model.send(0)
    assert list(collector.collect()) == before


async def test_a_database_that_cannot_be_read_hides_no_other_metric(
    services: Services, anonymous: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with services.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE day_news RENAME TO elsewhere")
    samples = await read_samples(anonymous)
    assert samples["ml_guard_results_up"] == {frozenset(): 0}
    assert "ml_guard_drift_verdict_columns" not in samples
    assert "ml_guard_http_requests_total" in samples
    assert "the gauges of stored results cannot be read" in caplog.text


def test_the_cache_and_the_number_of_models_are_settings() -> None:
    server = settings_of(metrics_cache_s="5", metrics_models="10").server
    assert (server.metrics_cache_s, server.metrics_models) == (5, 10)
