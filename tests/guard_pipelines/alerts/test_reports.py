"""Requests of monthly reports: each once, when the days of the month are done, on the first days of the next month."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, update

from guard_core.days import microseconds
from guard_core.settings import Settings, SettingsError, load_settings
from guard_pipelines.alerts.reports import request_reports
from guard_store.alerts.tables import alert_messages
from guard_store.day_state.tables import day_states
from guard_store.db.database import Database
from tests.support.alert_facts import add_project
from tests.support.settings import with_values
from tests.support.stored_events import event, store

PROJECT = "flights"


@pytest.fixture
def routed(settings: Settings, database: Database) -> Settings:
    """Settings with a route for reports, and a project with events in January and February."""
    add_project(database, PROJECT)
    store(database, [event(PROJECT, "late", "2013-01-05T12:00:00Z"), event(PROJECT, "late", "2013-02-03T12:00:00Z")])
    return with_values(settings, alert_routes={"managers": "file:///dev/null"}, alert_report_route="managers")


def at(day: str) -> int:
    return microseconds(datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC))


def finish(database: Database) -> None:
    names = ("lake", "profile", "drift", "performance", "retrain")
    with database.write() as connection:
        connection.execute(update(day_states).values({f"{name}_revision": day_states.c.revision for name in names}))


def count_messages(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(alert_messages)) or 0


def test_a_report_is_requested_once_also_by_another_process(database: Database, routed: Settings) -> None:
    finish(database)
    assert request_reports(database, routed, at("2013-02-02")) == 1
    assert request_reports(database, routed, at("2013-02-03")) == 0
    restarted = Database(routed.storage.database)
    assert request_reports(restarted, routed, at("2013-02-04")) == 0
    restarted.close()
    assert count_messages(database) == 1


def test_a_report_waits_for_its_days_until_the_fifth(database: Database, routed: Settings) -> None:
    assert request_reports(database, routed, at("2013-02-04")) == 0
    assert request_reports(database, routed, at("2013-02-05")) == 1


def test_each_month_has_its_report_and_old_months_have_none(database: Database, routed: Settings) -> None:
    finish(database)
    assert request_reports(database, routed, at("2013-02-11")) == 0
    assert request_reports(database, routed, at("2013-02-10")) == 1
    assert request_reports(database, routed, at("2013-03-01")) == 1
    assert request_reports(database, routed, at("2013-04-01")) == 0  # no events in March


def test_without_a_route_no_report_is_requested(database: Database, routed: Settings) -> None:
    finish(database)
    assert request_reports(database, with_values(routed, alert_report_route=None), at("2013-02-02")) == 0


def test_a_route_that_does_not_exist_is_refused_by_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_GUARD_ALERT_REPORT_ROUTE", "nobody")
    with pytest.raises(SettingsError, match="has no route 'nobody'"):
        load_settings()
