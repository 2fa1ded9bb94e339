"""The monthly report as a route: its values against stored data, its default month, and who may read it."""

from typing import Any

import httpx
import pytest

from guard_core.alerting.facts import Op
from guard_core.days import local_days
from guard_store.alerts.facts import write_fact
from guard_store.alerts.fold import fold
from guard_store.ingest.labels import LabelStore
from guard_store.retraining.decisions import write_decision
from ml.monitoring.verdicts.report import ColumnVerdict
from serving.app import Services
from tests.support.clients import Clients
from tests.support.model_days import MODEL, Model, day_of
from tests.support.model_history import ModelHistory


@pytest.fixture
def history(services: Services, project: str) -> ModelHistory:
    return ModelHistory(services, project)


def verdict(state: str, effect: float, *, column: str = "feature_age", missing: float = 0.0) -> ColumnVerdict:
    return ColumnVerdict(
        column,
        "numeric",
        state,  # type: ignore[arg-type]
        f"psi {effect}",
        method="psi",
        effect=effect,
        drift_threshold=0.2,
        missing_share=missing,
        reference_missing_share=0.0,
    )


async def read(client: httpx.AsyncClient, model: Model, month: str | None = None) -> Any:
    answer = await client.get(f"{model.path}/report", params={} if month is None else {"month": month})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_report_counts_the_rows_of_its_month_only(
    analyst: httpx.AsyncClient, model: Model, services: Services
) -> None:
    for number, rows in ((0, 3), (2, 5), (31, 7)):
        await model.send(number, rows=rows)
    await model.send_labels(2, rows=2)
    LabelStore(services.database).count_on_days()
    report = await read(analyst, model, "2013-01")
    assert report["volume"] == {
        "events": 8,
        "labels": 2,
        "rejected": 0,
        "days": [day_of(0), day_of(2)],
        "daily_events": [3, 5],
        "daily_rejected": [0, 0],
        "days_without_events": [day_of(1), *map(day_of, range(3, 31))],
    }
    assert (report["start"], report["end"], report["is_over"]) == ("2013-01-01", "2013-01-31", True)
    assert (report["previous_month"], report["next_month"]) == (None, "2013-02")
    assert report["undone"]["unlabelled_events"] == 6
    assert [item["day"] for item in report["undone"]["days"]] == [day_of(0), day_of(2)]
    assert {item["stage"] for item in report["undone"]["days"]} == {"lake"}


async def test_the_metric_is_the_mean_of_the_days_by_rows_against_the_baselines_of_these_days(
    analyst: httpx.AsyncClient, model: Model, history: ModelHistory
) -> None:
    for number in range(3):
        await model.send(number)
    baseline_id = history.capture_baseline(roc_auc=0.8)
    history.store_performance(0, {("", ""): 0.5}, baseline_id=baseline_id)
    history.store_performance(1, {("", ""): 0.6}, baseline_id=baseline_id)
    history.store_performance(2, {("", ""): None}, baseline_id=baseline_id)
    report = await read(analyst, model, "2013-01")
    measured = report["performance"]
    assert measured["realised"]["value"] == pytest.approx(0.55)
    assert measured["realised"]["low"] == pytest.approx(0.55 - 0.1 / 2**0.5)
    assert (measured["realised"]["n"], measured["baseline"]) == (200, 0.8)
    assert measured["estimated"]["value"] == pytest.approx(0.75)
    assert measured["daily_realised"]["values"] == [0.5, 0.6, None]
    assert report["undone"]["missing_labels"] == [{"reason": "no label has arrived", "days": [day_of(2)]}]
    assert report["sentence"].startswith(
        "late predicted worse than in its baseline in January 2013: ROC AUC 0.550 (0.479 to 0.621) against 0.800"
    )


async def test_drift_and_missing_values_are_summed_by_column(
    analyst: httpx.AsyncClient, model: Model, history: ModelHistory
) -> None:
    for number in range(3):
        await model.send(number)
    history.store_report(0, verdict("drift", 0.4, missing=0.3), state="drift")
    history.store_report(1, verdict("drift", 0.9, missing=0.1), state="drift")
    history.store_report(2, verdict("warning", 0.15), state="warning")
    report = await read(analyst, model, "2013-01")
    assert report["drift"] == {
        "days_by_verdict": {"drift": 2, "warning": 1},
        "columns": [{"name": "age", "drift_days": 2, "warning_days": 1, "judged_days": 3}],
        "worst": {"column": "age", "day": day_of(1), "effect": 0.9, "threshold": 0.2, "reason": "psi 0.9"},
    }
    assert report["missing"] == [{"name": "age", "day": day_of(0), "share": 0.3, "baseline_share": 0.0}]
    assert "age (2 days) drifted" in report["sentence"]


async def test_an_incident_is_in_each_month_on_which_its_condition_held(
    analyst: httpx.AsyncClient, model: Model, services: Services, project: str
) -> None:
    for number in (0, 31, 59):
        await model.send(number)

    def write(day: str, op: Op, since: str) -> None:
        with services.database.write() as connection:
            write_fact(
                connection,
                project,
                MODEL,
                kind="drift",
                dedup_key=day + op,
                severity="warning",
                message="age moved",
                details={"since_day": since},
                request_id=None,
                subject="age",
                op=op,
                day=day,
            )

    write("2013-02-03", "fires", "2013-01-30")
    fold(services.database, services.settings, gather_s=0)
    months = {month: await read(analyst, model, month) for month in ("2013-01", "2013-02", "2013-03")}
    assert [len(report["incidents"]) for report in months.values()] == [1, 1, 0]
    (incident,) = months["2013-02"]["incidents"]
    assert (incident["start"], incident["end"], incident["state"]) == ("2013-01-30", "2013-02-03", "open")
    assert incident["summaries"] == ["age moved"]


async def test_a_report_lists_decisions_and_costs_of_the_month(
    analyst: httpx.AsyncClient, model: Model, services: Services, project: str
) -> None:
    await model.send(0)
    with services.database.write() as connection:
        write_decision(connection, project, MODEL, "promoted", reason="better", actor=None, version="1")
        write_decision(connection, project, MODEL, "rejected", reason="not surely better", actor=None, version="2")
    (decision, *_) = services.decisions.newest(project, MODEL, 1)
    year = local_days("America/New_York").of(decision.decided_us).year
    reports = [await read(analyst, model, f"{year}-{number:02d}") for number in range(1, 13)]
    marks = [(mark["kind"], mark["name"], mark["text"]) for report in reports for mark in report["versions"]]
    assert marks == [("promoted", "1", "better"), ("rejected", "2", "not surely better")]
    assert all(report["costs"]["llm_requests"] == 0 and report["costs"]["aws"] == [] for report in reports)
    (promoted,) = [report for report in reports if report["versions"]]
    assert promoted["sentence"].startswith("late has no events in ")


async def test_the_default_is_the_newest_month_that_is_over(analyst: httpx.AsyncClient, model: Model) -> None:
    await model.send(0)
    await model.send(31)
    assert (await read(analyst, model))["month"] == "2013-02"


async def test_a_month_without_events_is_empty(analyst: httpx.AsyncClient, model: Model) -> None:
    await model.send(0)
    report = await read(analyst, model, "2014-06")
    assert (report["has_events"], report["previous_month"], report["performance"]) == (False, "2013-01", None)
    assert report["sentence"] == "late has no events in June 2014"


@pytest.mark.parametrize("month", ["2013", "2013-13", "2013-1", "0000-01", "2013-01-01", "٢٠١٣-01", "9999-12x", ""])
async def test_a_bad_month_is_refused_with_its_form(analyst: httpx.AsyncClient, model: Model, month: str) -> None:
    await model.send(0)
    answer = await analyst.get(f"{model.path}/report", params={"month": month})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "month", "reason": "must be a month like 2013-03"}]


@pytest.mark.parametrize("month", ["0001-01", "9999-11", "9999-12"])
async def test_months_at_the_ends_of_the_calendar_are_answered(
    analyst: httpx.AsyncClient, model: Model, month: str
) -> None:
    await model.send(0)
    answer = await analyst.get(f"{model.path}/report", params={"month": month})
    assert answer.status_code in {200, 422}


async def test_a_model_without_events_has_no_report_and_other_projects_no_access(
    clients: Clients, analyst: httpx.AsyncClient, model: Model, services: Services
) -> None:
    assert (await analyst.get(f"{model.path}/report")).status_code == 404
    await model.send(0)
    services.projects.create("other", "Other", "UTC")
    assert (await clients.of("analyst", "other").get(f"{model.path}/report")).status_code == 403
    assert (await clients.of("guest").get(f"{model.path}/report")).status_code == 403
