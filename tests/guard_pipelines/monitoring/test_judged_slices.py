"""Slices that are judged beside the whole: which ones, against what, and what the report states about them."""

from datetime import date

import numpy as np

from guard_core.project_settings.drift import MAX_JUDGED_SLICES, DriftSettings
from guard_pipelines.monitoring.stages.judged_slices import JudgedSlices
from guard_store.db.database import Database
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.aggregates import Slice as StoredSlice
from guard_store.monitoring.baselines import Baseline, BaselineStore
from guard_store.projects.store import ProjectStore
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile, TableProfile
from tests.support.pipelines import Pipelines, capture_baseline
from tests.support.stored_events import event, store

DAYS = [f"2013-01-{day:02d}" for day in range(1, 8)]
DAY = date.fromisoformat(DAYS[4])
BY_SEGMENT = DriftSettings.from_dict({"slices": ["segment"]})


def day_of_rows(rows: int, **columns: ColumnProfile) -> TableProfile:
    values = NumericProfile.from_values(np.arange(rows, dtype=np.float64))
    return TableProfile(rows, {"feature_x": values, "y_pred": values, **columns})


def put(database: Database, day: str, **slices: TableProfile) -> None:
    stored = [StoredSlice("segment", name, part.rows, {}, part.to_bytes()) for name, part in slices.items()]
    AggregateStore(database).replace_day("p", "m", day, stored, lake_version=1, revision=1, run_id=None)


def capture(database: Database, *, from_day: str | None = None) -> tuple[Baseline, TableProfile]:
    profile = day_of_rows(100)
    baseline = BaselineStore(database).capture(
        "p",
        "m",
        DAYS[0],
        DAYS[2],
        rows=profile.rows,
        sha256="0" * 64,
        profile=profile.to_bytes(),
        design_effects={},
        created_by=None,
        request_id=None,
        from_day=from_day,
    )
    return baseline, profile


def judged(database: Database, settings: DriftSettings = BY_SEGMENT) -> JudgedSlices:
    return JudgedSlices(AggregateStore(database), "p", "m", settings)


def test_by_default_no_slice_is_judged(database: Database) -> None:
    put(database, DAYS[0], a=day_of_rows(10))
    assert judged(database, DriftSettings()).on(DAY, *capture(database)).slices == ()


def test_the_reference_of_a_slice_is_merged_from_the_days_of_the_baseline(database: Database) -> None:
    for number, rows in enumerate((10, 20, 30, 400)):
        put(database, DAYS[number], a=day_of_rows(rows))
    put(database, DAYS[4], a=day_of_rows(7))
    (part,) = judged(database).on(DAY, *capture(database)).slices
    assert part.reference is not None
    assert part.reference.rows == 60
    assert [profile and profile.rows for profile in part.history(3)] == [30, 400, 7]


def test_the_largest_slices_of_the_baseline_are_judged_and_the_others_counted(database: Database) -> None:
    names = [f"s{number:02d}" for number in range(MAX_JUDGED_SLICES + 3)]
    put(database, DAYS[0], **{name: day_of_rows(10 + number) for number, name in enumerate(names)})
    put(database, DAYS[4], new=day_of_rows(1_000))
    of_day = judged(database).on(DAY, *capture(database))
    assert [part.value for part in of_day.slices] == names[:2:-1]
    assert of_day.omitted == 4


def test_a_slice_that_the_baseline_lacks_has_no_reference(database: Database) -> None:
    put(database, DAYS[0], a=day_of_rows(10))
    put(database, DAYS[4], new=day_of_rows(5))
    known, new = judged(database).on(DAY, *capture(database)).slices
    assert (known.value, new.value, new.reference) == ("a", "new", None)


def test_predictions_are_not_compared_by_slice_with_the_baseline_of_a_new_champion(database: Database) -> None:
    for number in (0, 4):
        put(database, DAYS[number], a=day_of_rows(10))
    (part,) = judged(database).on(DAY, *capture(database, from_day=DAYS[3])).slices
    assert part.reference is not None
    (today,) = part.history(1)
    assert today is not None
    assert set(part.reference.columns) == set(today.columns) == {"feature_x"}


def test_a_day_of_another_kind_is_left_out_of_the_reference(database: Database) -> None:
    put(database, DAYS[0], a=day_of_rows(10))
    put(database, DAYS[1], a=day_of_rows(20, feature_x=CategoricalProfile(20, 0, {"1": 20})))
    (part,) = judged(database).on(DAY, *capture(database)).slices
    assert part.reference is not None
    assert part.reference.rows == 10


def test_the_report_of_a_day_has_the_verdicts_on_its_slices(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P", settings={"drift": {"slices": ["segment"]}})
    rng = np.random.default_rng(1)
    rows = [
        event(
            "p",
            "m",
            f"2013-01-{day:02d}T{n // 60:02d}:{n % 60:02d}:00Z",
            {"x": float(rng.normal(5.0 if day == 6 and n % 8 == 0 else 0.0))},
            segment="eu" if n % 8 == 0 else "us",
        )
        for day in range(1, 7)
        for n in range(1_440)
    ]
    store(pipelines.database, rows)
    pipelines.settle()
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-05")
    pipelines.settle()
    before, after = (report.report["slices"] for report in pipelines.reports("p")[-2:])
    assert {part["value"]: part["state"] for part in before} == {"us": "stable", "eu": "stable"}
    assert {part["value"]: part["state"] for part in after} == {"us": "stable", "eu": "drift"}
    assert [verdict["column"] for verdict in after[1]["columns"]] == ["feature_x"]
    assert (after[1]["rows"], after[1]["m"]) == (180, 900)
