"""Results of a day are replaced, never added to; baselines are versions, one of them active."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, select, update

from guard_store.day_state.tables import day_states
from guard_store.db.database import Database
from guard_store.monitoring.aggregates import AggregateStore, Slice
from guard_store.monitoring.baselines import Baseline, BaselineStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.monitoring.tables import baselines


def _slices(*values: str, rows: int = 1) -> list[Slice]:
    return [Slice("segment" if value else "", value, rows, {"count": rows}, b"profile") for value in values]


def test_a_day_computed_again_replaces_all_of_its_slices(database: Database) -> None:
    store = AggregateStore(database)
    for slices in (_slices("", "a", "b"), _slices("", "b", rows=7)):
        store.replace_day("p", "m", "2013-01-02", slices, lake_version=3, revision=5, run_id="run")
    assert [(s.value, s.rows) for s in store.slices("p", "m", "2013-01-02")] == [("", 7), ("b", 7)]


def test_days_come_in_order_a_page_at_a_time(database: Database) -> None:
    store = AggregateStore(database)
    for day in ("2013-01-03", "2013-01-01", "2013-01-02"):
        store.replace_day("p", "m", day, _slices(""), lake_version=1, revision=1, run_id=None)
    first = store.days("p", "m", "2013-01-01", "2013-12-31", limit=2)
    rest = store.days("p", "m", "2013-01-01", "2013-12-31", limit=2, after_day=first[-1].day)
    assert [a.day for a in first + rest] == ["2013-01-01", "2013-01-02", "2013-01-03"]
    assert list(store.profiles("p", "m", "2013-01-02", "2013-01-03")) == ["2013-01-02", "2013-01-03"]
    assert store.days("p", "other", "2013-01-01", "2013-12-31") == []


def test_a_report_computed_again_replaces_the_old_one(database: Database) -> None:
    store = DriftReportStore(database)
    for state in ("drift", "stable"):
        store.replace(
            "p",
            "m",
            "2013-01-01",
            state=state,
            baseline_id=None,
            window_days=1,
            report={"n": 1},
            revision=1,
            run_id=None,
        )
    assert [r.state for r in store.days("p", "m", "2013-01-01", "2013-01-01")] == ["stable"]


def _capture(store: BaselineStore) -> Baseline:
    return store.capture(
        "p",
        "m",
        "2013-01-01",
        "2013-01-31",
        rows=9,
        sha256="0" * 64,
        profile=b"x",
        design_effects={"feature_t": 2.5},
        created_by=None,
        request_id="r",
    )


def test_a_captured_baseline_is_the_next_version_and_the_active_one(database: Database) -> None:
    store = BaselineStore(database)
    assert store.active("p", "m") is None
    _capture(store)
    second = _capture(store)
    active = store.active("p", "m")
    assert active == second
    assert store.profile(second.id) == b"x"
    assert [(b.version, b.active) for b in store.versions("p", "m")] == [(2, True), (1, False)]


def test_an_older_version_can_be_made_active_again(database: Database) -> None:
    store = BaselineStore(database)
    first, _ = _capture(store), _capture(store)
    assert store.activate("p", "m", 1, request_id="r") == first
    assert store.activate("p", "m", 99, request_id="r") is None
    assert [b.version for b in store.versions("p", "m") if b.active] == [1]


def test_captures_at_once_get_versions_of_their_own(database: Database) -> None:
    store = BaselineStore(database)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: _capture(store), range(6)))
    assert sorted(b.version for b in made) == [1, 2, 3, 4, 5, 6]
    assert sum(b.active for b in store.versions("p", "m")) == 1


def test_the_database_itself_allows_one_active_baseline_only(database: Database) -> None:
    store = BaselineStore(database)
    _capture(store), _capture(store)
    with pytest.raises(Exception, match=r"(?i)unique"), database.write() as connection:
        connection.execute(update(baselines).values(active=True))


def test_a_captured_baseline_asks_for_the_drift_of_all_days_of_its_model(database: Database) -> None:
    keys = {"project_id": "p", "changed_us": 1, "revision": 4, "drift_revision": 4, "changes": 4, "day": "2013-01-01"}
    with database.write() as connection:
        connection.execute(insert(day_states), [{**keys, "model_id": "m"}, {**keys, "model_id": "other"}])
    _capture(BaselineStore(database))
    with database.read() as connection:
        rows = connection.execute(select(day_states).order_by(day_states.c.model_id)).all()
    assert [(r.model_id, r.drift_revision, r.changes) for r in rows] == [("m", 0, 5), ("other", 4, 4)]
