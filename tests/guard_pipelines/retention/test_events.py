"""What retention deletes stays deleted, and what was made of it stays: no later question turns a forgotten day into an empty one."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_pipelines.monitoring.stages.lake_counts import compare_counts
from guard_pipelines.tags import range_tags
from guard_store.day_state.invalidation import DeletedDaysError, invalidate_drift, invalidate_lake, rebuild_for_timezone
from guard_store.ingest.tables import events, labels
from guard_store.lake.store import Lake
from guard_store.lake.vacuum import vacuum_lake
from guard_store.ledger.bodies import Bodies
from guard_store.ledger.entry import Entry
from guard_store.ledger.step import AppendEntry
from guard_store.ledger.store import LedgerFilter, LedgerStore
from guard_store.monitoring.performance import PerformanceStore
from guard_store.retention.sweeps import sweep_bodies, sweep_events, sweep_lake
from guard_store.steps import writer_steps
from guard_store.writer.writer import GroupWriter
from tests.support.pipeline_projects import MODEL, PROJECT, ROWS, make_project, send_days
from tests.support.pipelines import Pipelines
from tests.support.settings import with_values

DAYS = [f"2013-01-0{day}" for day in (1, 2, 3)]


@pytest.fixture
def settings(pipelines: Pipelines) -> Settings:
    """Everything of 2013 is too old."""
    return with_values(pipelines.settings, retention_body_days=30, retention_event_days=30, retention_lake_days=60)


@pytest.fixture
def processed(pipelines: Pipelines) -> Pipelines:
    """Three days, processed."""
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 3)
    pipelines.settle()
    return pipelines


def n_of(pipelines: Pipelines, table: Any) -> int:
    with pipelines.database.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def seen(pipelines: Pipelines) -> tuple[Any, ...]:
    """What a user sees of these days."""
    measured = PerformanceStore(pipelines.database).days(PROJECT, MODEL, DAYS[0], DAYS[-1])
    drift = [(report.day, report.state) for report in pipelines.reports(PROJECT)]
    return pipelines.counts(PROJECT), [(one.day, one.events, one.labelled) for one in measured], drift


def ask_for_all(pipelines: Pipelines) -> None:
    """As changed kinds and settings do, then a backfill of all days by hand."""
    with pipelines.database.write() as connection:
        invalidate_lake(connection, PROJECT, MODEL)
        invalidate_drift(connection, PROJECT)
    pipelines.settle()
    pipelines.run(range_tags(DAYS[0], DAYS[-1]))
    assert all(item.done for item in pipelines.day_states.of_days(DAYS))
    assert pipelines.tick() == []


def sweeps(pipelines: Pipelines) -> list[dict[str, Any]]:
    rows = LedgerStore(pipelines.database, None).page(LedgerFilter(route="retention"), None, 10)
    return [json.loads(msgspec.structs.asdict(row)["details"]) for row in rows]


def test_events_go_once_they_are_in_the_lake_and_their_days_stay_as_they_were(
    processed: Pipelines, settings: Settings
) -> None:
    before, database = seen(processed), processed.database
    assert sweep_events(database, settings) == 0  # whoever reads the days now can end
    assert sweep_events(database, settings) == 0
    assert n_of(processed, events) == 3 * ROWS
    assert sweep_events(database, settings, grace_us=0) == 3 * ROWS
    assert (n_of(processed, events), n_of(processed, labels)) == (0, 0)
    assert sweeps(processed) == [{"kind": "events", "retention_days": 30, "deleted": 3 * ROWS, "labels": 3 * ROWS}]
    assert compare_counts(database, Lake(settings.storage.lake), DAYS)[1] == []
    ask_for_all(processed)
    assert seen(processed) == before
    assert [processed.lake(PROJECT).rows(day) for day in DAYS] == [ROWS] * 3
    with pytest.raises(DeletedDaysError), database.write() as connection:
        rebuild_for_timezone(connection, PROJECT, "Asia/Tokyo", close_delay_s=0)
    assert sweep_events(database, settings, grace_us=0) == 0
    assert len(sweeps(processed)) == 1
    assert LedgerStore(database, None).verify().ok


def test_a_day_that_is_not_in_the_lake_keeps_its_events(processed: Pipelines, settings: Settings) -> None:
    send_days(processed.database, 4, 4)
    for _ in range(2):
        sweep_events(processed.database, settings, grace_us=0)
    assert n_of(processed, events) == ROWS
    processed.settle()
    assert processed.counts(PROJECT) == dict.fromkeys([*DAYS, "2013-01-04"], ROWS)


def test_days_of_the_lake_go_with_their_files_and_their_results_stay(processed: Pipelines, settings: Settings) -> None:
    before, lake = seen(processed), Lake(settings.storage.lake)
    for _ in range(2):
        sweep_events(processed.database, settings, grace_us=0)
    assert sweep_lake(processed.database, lake, settings) == 3
    assert processed.lake(PROJECT).days == []
    assert sweeps(processed)[0] == {"kind": "lake", "retention_days": 60, "deleted": 3}
    ask_for_all(processed)
    assert seen(processed) == before
    assert processed.lake(PROJECT).days == []
    assert sweep_lake(processed.database, lake, settings) == 0
    assert vacuum_lake(processed.database, lake, settings).deleted_files == 0, "a reader may still be at it"
    assert vacuum_lake(processed.database, lake, settings, keep_files_h=0).deleted_files == 3
    assert list(Path(settings.storage.lake).rglob("*.parquet")) == []


def test_bodies_go_and_rows_of_the_ledger_stay(pipelines: Pipelines, settings: Settings) -> None:

    async def store() -> None:
        writer = GroupWriter(pipelines.database, writer_steps(close_delay_s=0), queue_rows=10)
        writer.start()
        for age in (40, 31, 1):
            at_us = now_us() - age * 86_400 * 1_000_000
            entry = Entry(at_us=at_us, route="/v1/chat/completions", method="POST", status=200, request_id=f"r{age}")
            await writer.submit(AppendEntry(entry, Bodies("{}", None)))
        await asyncio.to_thread(writer.stop)

    asyncio.run(store())
    assert sweep_bodies(pipelines.database, settings) == 2
    assert sweeps(pipelines) == [{"kind": "bodies", "retention_days": 30, "deleted": 2}]
    found = LedgerStore(pipelines.database, None).verify()
    assert (found.ok, found.rows) == (True, 4)
    assert sweep_bodies(pipelines.database, pipelines.settings) is None


def test_the_specs_name_of_the_ledgers_setting_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from guard_core.settings import load_settings

    monkeypatch.setenv("LOG_RETENTION_DAYS", "90")
    assert load_settings().retention.log_days == 90
