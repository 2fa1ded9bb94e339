"""Forgetting: asked for each night, done by the job, provable afterwards."""

import dagster as dg
import pytest

from guard_core.days import now_us
from guard_pipelines.definitions import defs
from guard_pipelines.schedules import every_night
from guard_store.ledger.entry import Entry
from guard_store.ledger.store import LedgerStore
from tests.support.pipelines import Pipelines

DAY_US = 86_400 * 1_000_000


def test_old_rows_go_and_the_chain_stays_whole(pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LedgerStore(pipelines.database, None)
    for age in (40, 35, 31, 29, 1):
        store.append([Entry(at_us=now_us() - age * DAY_US, route="/query", method="POST", status=200)])
    monkeypatch.setenv("ML_GUARD_RETENTION_LOG_DAYS", "30")
    result = defs().resolve_job_def("retention").execute_in_process(instance=pipelines.instance)
    (event,) = result.asset_materializations_for_node("audit_retention")
    assert event.metadata["rows_deleted"].value == 3
    assert event.metadata["kept_for_ever"].value == "bodies, events, lake_days, incidents"
    (tidied,) = result.asset_materializations_for_node("lake_upkeep")
    assert tidied.metadata["tables"].value == 0
    found = store.verify()
    assert (found.ok, found.first_seq, found.last_seq) == (True, 4, 6)


def test_each_night_asks_for_it_whatever_is_kept() -> None:
    assert (every_night.name, every_night.job_name) == ("every_night", "retention")
    assert every_night.default_status == dg.DefaultScheduleStatus.RUNNING
