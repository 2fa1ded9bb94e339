"""Asset checks: odd days are warnings, a lake that lost rows holds its day back and heals, an overdue day is not hidden."""

from datetime import date

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from guard_pipelines.monitoring.checks.odd_days import find_odd_days
from guard_pipelines.monitoring.checks.unfinished import inspect_newest_days
from guard_pipelines.tags import UNPROCESSED, range_tags
from guard_store.alerts.fold import fold
from guard_store.alerts.store import AlertStore
from guard_store.day_state.store import DayStateStore
from guard_store.lake.store import Lake
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.projects.store import ProjectStore
from tests.support.pipelines import Pipelines, capture_baseline
from tests.support.stored_events import event, store


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


@pytest.fixture
def guarded(pipelines: Pipelines) -> Pipelines:
    ProjectStore(pipelines.database).create("p", "P")
    return pipelines


def month(pipelines: Pipelines, days: int) -> None:
    store(
        pipelines.database,
        [
            event("p", "m", f"2013-01-{d:02d}T12:{n:02d}:00Z", {"x": n, "y": n or None})
            for d in range(1, days + 1)
            for n in range(30)
        ],
    )


def test_an_ordinary_month_passes_all_checks(guarded: Pipelines) -> None:
    month(guarded, 29)
    (request,) = guarded.tick()
    assert all(check.passed for check in checks(guarded.run_request(request)).values())


def test_an_odd_day_is_warned_about_and_still_judged(guarded: Pipelines) -> None:
    month(guarded, 29)
    odd = [{"x": "seven", "y": None, "new": n} for n in range(60)]
    store(guarded.database, [event("p", "m", f"2013-01-30T12:{n:02d}:00Z", f) for n, f in enumerate(odd)])
    (request,) = guarded.tick()
    result = guarded.run_request(request)
    found = checks(result)
    assert result.success
    failing = {name for name, check in found.items() if not check.passed}
    assert failing == {"volume", "unseen_features", "kind_violations", "null_share"}
    assert {found[name].severity for name in failing} == {dg.AssetCheckSeverity.WARN}
    tables = {name: str(found[name].metadata["newest"].value) for name in failing}
    assert "60 events, 30 on the same weekdays before" in tables["volume"]
    assert "| new |" in tables["unseen_features"]
    assert "| x: 60 |" in tables["kind_violations"]
    assert "y: 100.0 % null, 3.3 % before" in tables["null_share"]
    assert all("2013-01-30" in table and "2013-01-29" not in table for table in tables.values())
    assert guarded.reports("p")[-1].day == "2013-01-30"


def test_a_lasting_jump_of_nulls_is_called_on_every_day_beside_the_baseline(guarded: Pipelines) -> None:
    jump, days = 15, 30
    store(
        guarded.database,
        [
            event("p", "m", f"2013-01-{day:02d}T12:{n // 60:02d}:{n % 60:02d}Z", {"x": None if n % 20 < nulls else n})
            for day in range(1, days + 1)
            for nulls in [1 if day < jump else 4]
            for n in range(400)
        ],
    )
    guarded.settle()
    capture_baseline(guarded, "p", "2013-01-01", "2013-01-10")
    dates = [f"2013-01-{day:02d}" for day in range(1, days + 1)]
    (*_, inspection) = find_odd_days(guarded.database, guarded.settings, dates).values()
    assert {finding["day"]: finding["finding"] for finding in inspection.findings} == dict.fromkeys(
        dates[jump - 1 :], "x: 20.0 % null, 5.0 % in the baseline"
    )


def test_a_day_without_any_event_is_an_odd_volume(guarded: Pipelines) -> None:
    month(guarded, 29)
    guarded.settle()
    found = checks(guarded.run({**range_tags("2013-01-30", "2013-01-30"), UNPROCESSED: "schedule"}))
    assert not found["volume"].passed
    assert "0 events, 30 on" in str(found["volume"].metadata["newest"].value)


def test_a_lake_that_lost_rows_holds_its_day_back_and_no_other_and_is_filled_again(guarded: Pipelines) -> None:
    month(guarded, 2)
    ProjectStore(guarded.database).create("q", "Q")
    guarded.settle()
    snapshot = guarded.lake("p")
    (file,) = snapshot.files("2013-01-01")
    rows = pq.read_table(file, filesystem=snapshot.filesystem, partitioning=None)
    days = pa.array([date(2013, 1, 1)] * (rows.num_rows - 1), pa.date32())
    shorter = rows.slice(1).append_column("day", days)
    Lake(guarded.settings.storage.lake).replace_day("p", "m", "2013-01-01", shorter)
    store(guarded.database, [event("q", "m", "2013-01-02T12:00:00Z", {"x": 1})])
    result = guarded.run({**range_tags("2013-01-01", "2013-01-02"), UNPROCESSED: "a new day of q"})
    check = checks(result)["lake_matches_store"]
    assert (check.passed, check.severity.value) == (False, "ERROR")
    assert "29 rows in the lake, 30 in the store" in str(check.metadata["newest"].value)
    states = {item.key: item for item in DayStateStore(guarded.database).of_days(["2013-01-01", "2013-01-02"])}
    assert [
        states[key].done for key in (("p", "m", "2013-01-01"), ("p", "m", "2013-01-02"), ("q", "m", "2013-01-02"))
    ] == [
        False,
        True,
        True,
    ]
    assert AggregateStore(guarded.database).profiles("q", "m", "2013-01-02", "2013-01-02")
    fold(guarded.database, guarded.settings, gather_s=-1e9)
    assert [AlertStore(guarded.database).open_of(project) for project in ("p", "q", "")] == [[], [], []]
    assert guarded.settle() == 1
    assert guarded.lake("p").rows("2013-01-01") == 30


def test_a_backfill_of_old_days_does_not_hide_that_the_newest_is_missing(guarded: Pipelines) -> None:
    month(guarded, 3)
    guarded.run({**range_tags("2013-01-01", "2013-01-02"), UNPROCESSED: "old days"})
    (finding,) = inspect_newest_days(guarded.database, guarded.settings).findings
    assert (finding["day"], finding["finding"]) == ("2013-01-03", "not processed yet")
    found = checks(guarded.run({**range_tags("2013-01-01", "2013-01-01"), UNPROCESSED: "again"}))
    assert not found["latest_due_day"].passed
    guarded.settle()
    assert not inspect_newest_days(guarded.database, guarded.settings).findings
