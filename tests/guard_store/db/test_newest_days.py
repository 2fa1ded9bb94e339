"""The newest days of every model: which rows they are, and that the days before them are not read."""

from datetime import date, timedelta

import pytest
from sqlalchemy import insert, text

from guard_store.db.database import Database
from guard_store.db.newest_days import select_newest_days
from guard_store.monitoring.performance import PerformanceStore, SlicePerformance
from guard_store.monitoring.tables import drift_reports

C = drift_reports.c
COLUMNS = [C.project_id, C.model_id, C.day]


def store_days(database: Database, project_id: str, model_id: str, days: int, *, failed: int = 0) -> None:
    """Store a report of each day from 1 January on; the newest of them are `failed`."""
    common = {"project_id": project_id, "model_id": model_id, "window_days": 1, "report": {}, "revision": 1}
    rows = [
        {
            **common,
            "day": (date(2026, 1, 1) + timedelta(number)).isoformat(),
            "state": "failed" if number >= days - failed else "stable",
            "computed_us": 0,
        }
        for number in range(days)
    ]
    with database.write() as connection:
        connection.execute(insert(drift_reports), rows)


def newest(database: Database, project_id: str | None = None) -> list[tuple[str, ...]]:
    statement = select_newest_days(drift_reports, COLUMNS, 2, project_id, C.state != "failed")
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def test_newest_days_are_counted_by_model_among_the_rows_of_the_conditions(database: Database) -> None:
    store_days(database, "a", "long", 5, failed=1)
    store_days(database, "a", "short", 1)
    store_days(database, "b", "long", 2)
    store_days(database, "b", "broken", 2, failed=2)
    expected = [
        ("a", "long", "2026-01-03"),
        ("a", "long", "2026-01-04"),
        ("a", "short", "2026-01-01"),
        ("b", "long", "2026-01-01"),
        ("b", "long", "2026-01-02"),
    ]
    assert newest(database) == expected
    assert newest(database, "b") == expected[-2:]


def test_only_the_names_of_models_are_read_of_all_days(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("plans of PostgreSQL depend on the number of rows")
    statement = select_newest_days(drift_reports, [*COLUMNS, C.state], 2, None).compile(
        database.engine, compile_kwargs={"literal_binds": True}
    )
    with database.read() as connection:
        plan = [row[-1] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
    scans = [step for step in plan if step.startswith("SCAN drift_reports")]
    assert all("COVERING INDEX" in step for step in scans), plan
    assert sum(step.startswith("SEARCH drift_reports") for step in plan) == 2, plan


def test_the_realised_metric_is_that_of_the_task_of_each_model(database: Database) -> None:
    store = PerformanceStore(database)
    for model_id, task in (("churn", "binary"), ("price", "regression")):
        metrics = {"roc_auc": {"value": 0.8, "low": 0.7, "high": None}, "mae": {"value": 3.0}}
        slices = [SlicePerformance("", "", task, 9, 9, {"realised": {"metrics": metrics}})]
        for day in ("2026-01-01", "2026-01-02"):
            store.replace_day("a", model_id, day, slices, baseline_id=None, lake_version=1, revision=1, run_id=None)
    rows = store.newest_realised(1, {"binary": "roc_auc", "regression": "mae"})
    assert [(row.model_id, row.day, row.value, row.low, row.high) for row in rows] == [
        ("churn", "2026-01-02", 0.8, 0.7, None),
        ("price", "2026-01-02", 3.0, None, None),
    ]
