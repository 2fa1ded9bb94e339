"""Local days from the store to the verdict: every zone, every length of day, late events, settings, reruns."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from guard_core.days import from_microseconds
from guard_pipelines.tags import range_tags
from guard_store.day_state.invalidation import invalidate_drift, rebuild_for_timezone
from guard_store.ingest.rows import EventRow
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.monitoring.kinds import KindStore
from guard_store.projects.store import ProjectStore
from tests.support.pipelines import Pipelines, capture_baseline
from tests.support.stored_events import event, store, store_labels


def stream(project_id: str, start: str, end: str, every: str, **envelope: Any) -> list[EventRow]:
    instants = pd.date_range(start, end, freq=every, inclusive="left")
    rng = np.random.default_rng(len(instants))
    return [
        event(project_id, "m", at.isoformat(), {"x": float(x), "kind": "ab"[i % 2]}, y_pred=i % 2, **envelope)
        for i, (at, x) in enumerate(zip(instants, rng.normal(size=len(instants)), strict=True))
    ]


@pytest.mark.parametrize(
    ("zone", "start", "end", "length_h"),
    [
        ("America/New_York", "2013-03-08T00:00Z", "2013-03-13T00:00Z", {"2013-03-10": 23}),
        ("America/New_York", "2013-11-01T00:00Z", "2013-11-06T00:00Z", {"2013-11-03": 25}),
        ("Pacific/Kiritimati", "2013-06-01T00:00Z", "2013-06-04T00:00Z", {"2013-06-02": 24}),
        ("Etc/GMT+12", "2013-06-01T00:00Z", "2013-06-04T00:00Z", {"2013-06-02": 24}),
    ],
)
def test_each_local_day_counts_what_pandas_counts_in_local_time(
    pipelines: Pipelines, zone: str, start: str, end: str, length_h: dict[str, int]
) -> None:
    ProjectStore(pipelines.database).create("p", "P", zone)
    rows = stream("p", start, end, "10min")
    store(pipelines.database, rows)
    instants = pd.DatetimeIndex([from_microseconds(row.ts_us) for row in rows]).tz_convert(zone)
    expected = {str(day): int(n) for day, n in pd.Series(instants.date).value_counts().sort_index().items()}
    assert pipelines.settle() == 1
    assert pipelines.counts("p") == expected
    assert {day: pipelines.lake("p").rows(day) for day in pipelines.lake("p").days} == expected
    assert {day: expected[day] for day in length_h} == {day: hours * 6 for day, hours in length_h.items()}


def test_rerunning_everything_changes_no_number(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P", "America/New_York")
    store(pipelines.database, stream("p", "2013-01-01T05:00Z", "2013-01-15T05:00Z", "20min", segment="s"))
    pipelines.settle()
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-07")
    pipelines.settle()

    def numbers() -> list[object]:
        aggregates = AggregateStore(pipelines.database)
        slices = [s for day in pipelines.counts("p") for s in aggregates.slices("p", "m", day)]
        return [
            [(s.day, s.dimension, s.value, s.rows, s.metrics) for s in slices],
            aggregates.profiles("p", "m", "2013-01-01", "2013-12-31"),
            [(r.day, r.state, r.window_days, r.report) for r in pipelines.reports("p")],
        ]

    before = numbers()
    assert pipelines.run(range_tags("2013-01-01", "2013-01-14")).success
    assert numbers() == before
    assert pipelines.settle() <= 1  # later days look back at the recomputed ones
    assert numbers() == before


def test_late_event_reprocesses_its_day_and_the_later_ones_that_look_back_at_it(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P", "America/New_York")
    store(pipelines.database, stream("p", "2013-01-01T05:00Z", "2013-02-15T05:00Z", "1h"))
    pipelines.settle()
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-31")
    pipelines.settle()
    before = {report.day: report for report in pipelines.reports("p")}
    store(pipelines.database, [event("p", "m", "2013-02-03T12:00:00Z", {"x": 0.0, "kind": "a"})])
    (request,) = pipelines.tick()
    assert request.tags["dagster/asset_partition_range_start"] == "2013-02-03"
    assert request.tags["dagster/asset_partition_range_end"] == "2013-02-03"
    pipelines.run_request(request)
    assert pipelines.counts("p")["2013-02-03"] == 25
    pipelines.settle()
    after = {report.day: report for report in pipelines.reports("p")}
    judged_again = {day for day in after if after[day].run_id != before[day].run_id}
    looked_back = {
        day
        for day, report in before.items()
        if 0 <= (pd.Timestamp(day) - pd.Timestamp("2013-02-03")).days < report.window_days
    }
    assert judged_again == looked_back
    assert len(judged_again) > 1
    assert pipelines.day_states.list("p", "m", "2013-02-03", "2013-02-03")[0].late == 25


def test_new_baseline_judges_all_days_without_reading_rows_again(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    store(pipelines.database, stream("p", "2013-01-01T00:00Z", "2013-01-05T00:00Z", "5min"))
    pipelines.settle()
    assert {report.state for report in pipelines.reports("p")} == {"missing_baseline"}
    version = pipelines.lake("p").version
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-04")
    (request,) = pipelines.tick()
    assert request.tags["ml_guard/request_id"] == "baseline-request"
    pipelines.run_request(request)
    assert {report.state for report in pipelines.reports("p")} == {"stable"}
    assert pipelines.lake("p").version == version
    assert pipelines.settle() == 0


def test_a_shift_is_drift_and_drift_is_a_warning_not_a_failure(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    rows = stream("p", "2013-01-01T00:00Z", "2013-01-06T00:00Z", "5min")
    shifted = [
        event(
            "p",
            "m",
            f"2013-01-06T{n // 12:02d}:{n % 12 * 5:02d}:00Z",
            {"x": 5.0 + n / 288, "kind": "ab"[n % 2]},
            y_pred=n % 2,
        )
        for n in range(288)
    ]
    store(pipelines.database, [*rows, *shifted])
    pipelines.settle()
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-05")
    (request,) = pipelines.tick()
    result = pipelines.run_request(request)
    assert result.success
    assert pipelines.reports("p")[-1].report["drifted"] == ["feature_x"]
    (check,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "drift"]
    assert (check.passed, check.severity.value) == (False, "WARN")
    table = check.metadata["newest"].value
    assert "2013-01-06" in str(table)
    assert "feature_x" in str(table)


def test_settings_of_a_model_go_on_top_of_its_projects(pipelines: Pipelines) -> None:
    projects = ProjectStore(pipelines.database)
    projects.create("p", "P", settings={"drift": {"windows": [1, 2]}})
    store(pipelines.database, stream("p", "2013-01-01T00:00Z", "2013-01-05T00:00Z", "6h"))
    pipelines.settle()
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-04")
    pipelines.settle()
    assert {report.window_days for report in pipelines.reports("p")} == {2}
    projects.update(
        "p",
        settings={"drift": {"windows": [1, 2]}, "models": {"m": {"drift": {"windows": [1, 3]}}}},
        consequences=[lambda connection, _, after: invalidate_drift(connection, after.id)],
    )
    pipelines.settle()
    assert {report.window_days for report in pipelines.reports("p")} == {3}


def test_other_time_zone_moves_all_results_and_leaves_none_behind(pipelines: Pipelines) -> None:
    projects = ProjectStore(pipelines.database)
    projects.create("p", "P", "America/New_York")
    store(pipelines.database, stream("p", "2013-01-02T00:00Z", "2013-01-04T00:00Z", "1h"))
    pipelines.settle()
    assert pipelines.counts("p") == {"2013-01-01": 5, "2013-01-02": 24, "2013-01-03": 19}
    projects.update(
        "p",
        timezone="UTC",
        consequences=[lambda c, _, after: rebuild_for_timezone(c, after.id, after.timezone, close_delay_s=300)],
    )
    pipelines.settle()
    assert pipelines.counts("p") == {"2013-01-02": 24, "2013-01-03": 24}
    assert pipelines.lake("p").days == ["2013-01-02", "2013-01-03"]
    assert [report.day for report in pipelines.reports("p")] == ["2013-01-02", "2013-01-03"]
    assert not DriftReportStore(pipelines.database).days("p", "m", "2013-01-01", "2013-01-01")


def test_overridden_kind_reads_all_days_again(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    store(
        pipelines.database,
        [event("p", "m", f"2013-01-0{d}T12:{n:02d}:00Z", {"zip": 10_000 + n}) for d in (1, 2) for n in range(20)],
    )
    pipelines.settle()
    (day, _) = AggregateStore(pipelines.database).days("p", "m", "2013-01-01", "2013-01-02")
    assert day.metrics["features"]["zip"]["kind"] == "numeric"
    KindStore(pipelines.database).override("p", "m", "feature_zip", "categorical", request_id="kind-request")
    (request,) = pipelines.tick()
    assert request.tags["ml_guard/request_id"] == "kind-request"
    pipelines.run_request(request)
    found = AggregateStore(pipelines.database).days("p", "m", "2013-01-01", "2013-01-02")
    assert [d.metrics["features"]["zip"]["kind"] for d in found] == ["categorical", "categorical"]
    assert found[0].metrics["features"]["zip"]["top"][0]["value"] == "10000"
    assert pipelines.settle() == 0


def test_slices_of_endpoint_version_and_segment_add_up_to_the_day(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    rows = [
        event("p", "m", f"2013-01-01T12:{n:02d}:00Z", {"x": n}, endpoint="ab"[n % 2], model_version="v1", segment=None)
        for n in range(30)
    ]
    store(pipelines.database, [*rows, rows[0]])
    pipelines.settle()
    slices = AggregateStore(pipelines.database).slices("p", "m", "2013-01-01")
    assert {(s.dimension, s.value): s.rows for s in slices} == {
        ("", ""): 30,
        ("endpoint", "a"): 15,
        ("endpoint", "b"): 15,
        ("model_version", "v1"): 30,
    }
    assert (slices[0].metrics["late"], slices[0].metrics["duplicates"]) == (30, 1)
    assert slices[0].metrics["errors"] == {"total": 0, "by_field": {}}


@pytest.mark.usefixtures("on_postgresql")
def test_days_go_through_on_postgresql_too(request: pytest.FixtureRequest) -> None:
    pipelines: Pipelines = request.getfixturevalue("pipelines")
    assert not pipelines.database.is_sqlite
    ProjectStore(pipelines.database).create("p", "P", "America/New_York")
    store(pipelines.database, stream("p", "2013-03-10T05:00Z", "2013-03-12T04:00Z", "10min"))
    assert pipelines.settle() == 1
    assert pipelines.counts("p") == {"2013-03-10": 138, "2013-03-11": 144}
    assert [report.state for report in pipelines.reports("p")] == ["missing_baseline"] * 2


def test_labels_have_their_day_processed_again_with_them(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P", "UTC")
    rows = [event("p", "m", f"2013-01-0{1 + i % 2}T12:00:00Z", {"x": 1}, event_id=f"e{i}") for i in range(6)]
    store_labels(pipelines.database, "p", {"e0": 1}, observed_at="2013-01-01T13:00:00Z")  # before its event is there
    store(pipelines.database, rows)
    assert pipelines.settle() == 1
    store_labels(pipelines.database, "p", {"e2": 0, "e1": 1, "never": 1}, observed_at="2013-01-05T00:00:00Z")
    assert pipelines.settle() == 1
    days = AggregateStore(pipelines.database).days("p", "m", "2013-01-01", "2013-01-02")
    found = [(d.day, d.metrics["labels"]["labelled"], d.metrics["labels"]["classes"]) for d in days]
    assert found == [("2013-01-01", 2, {"1": 0.5, "0": 0.5}), ("2013-01-02", 1, {"1": 1.0})]
    assert days[0].metrics["labels"]["coverage"] == pytest.approx(2 / 3)
    assert all(item.done for item in pipelines.day_states.of_days(["2013-01-01", "2013-01-02"]))
