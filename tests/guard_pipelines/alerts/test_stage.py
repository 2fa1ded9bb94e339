"""Alerts from the pipelines: policies on real days, a whole thread, failed runs, days given up, models that fall silent."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from guard_core.alerting.alert_state import Alert
from guard_core.alerting.figures import Figure
from guard_core.alerting.policy import Policy
from guard_core.days import now_us
from guard_pipelines.alerts.failures import (
    record_failed_run,
    record_finished_run,
    record_silence,
)
from guard_pipelines.alerts.sensors import failed_runs, finished_runs
from guard_pipelines.definitions import defs
from guard_pipelines.partitions import CHOOSE_PARTITIONS
from guard_pipelines.resources import Guard
from guard_store.alerts.facts import FactStore
from guard_store.alerts.fold import fold
from guard_store.alerts.outbox import Delivery, Outbox
from guard_store.alerts.policies import PolicyStore
from guard_store.alerts.store import AlertStore
from tests.support.pipeline_projects import MODEL, PROJECT, make_project, send_days, train_first
from tests.support.pipelines import Pipelines
from tests.support.settings import settings_of
from tests.support.stored_events import event, store

ROUTES = settings_of(alert_routes={"chat": "file:///nowhere"})
_HOUR_US = 3_600_000_000
DAILY_ASSETS = {"raw_events", "daily_aggregates", "drift_reports", "performance", "retrain_recommended", "alerts"}


def put(pipelines: Pipelines, name: str, **rule: Any) -> None:
    PolicyStore(pipelines.database).put(PROJECT, Policy.model_validate({"name": name, **rule}), None)


def folded(pipelines: Pipelines) -> list[Alert]:
    """The open alerts, once all facts have taken effect."""
    fold(pipelines.database, ROUTES, gather_s=0)
    return sorted(AlertStore(pipelines.database).open_of(PROJECT), key=lambda alert: alert.kind)


def messages(pipelines: Pipelines) -> list[Delivery]:
    found = Outbox(pipelines.database).page(project_id=PROJECT, state=None, before=None, limit=100)
    return sorted(found, key=lambda message: (message.created_us, message.seq))


def test_a_world_that_turns_round_is_one_thread_from_the_first_sign_to_the_new_champion(pipelines: Pipelines) -> None:
    train_first(pipelines)
    folded(pipelines)
    before = len(messages(pipelines))
    send_days(pipelines.database, 11, 18, turned=True)
    pipelines.settle()
    kinds = {alert.kind for alert in folded(pipelines)}
    assert kinds == {"drift", "performance", "retrain_recommended"}
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success
    assert folded(pipelines) == []

    thread = messages(pipelines)[before:]
    assert len({message.incident_id for message in thread}) == 1
    opened, resolved = thread[0], thread[-1]
    assert opened.title == "[ERROR] p/m: performance, drift, retraining recommended"
    assert "New (error, since 2013-01-16): Realised ROC AUC is 0." in opened.body
    assert "in the baseline, on 3 of the last 3 judged days." in opened.body
    assert "compared with baseline 1, the days 2013-01-06 to 2013-01-10" in opened.body
    page, data = (
        opened.body.index("/assets/performance?"),
        opened.body.index("/api/v1/projects/p/models/m/performance?"),
    )
    assert page < data, "the page for people comes first"
    seen = opened.body.partition("See:\n")[2].splitlines()
    assert seen[0].strip() == f"Incident: http://127.0.0.1:8000/incidents/{opened.incident_id}"
    assert "/projects/p/models/m/days/2013-01-18" in seen[1], "the page that shows the number is one click away"
    figures = {change["kind"]: Figure.of(change["details"]) for change in opened.payload["changes"]}
    performance, drift = figures["performance"], figures["drift"]
    assert performance is not None
    assert drift is not None
    assert performance.name == "realised ROC AUC"
    assert performance.values[-1] == performance.value < (performance.threshold or 0) < (performance.baseline or 0)
    assert performance.days[-1] == drift.days[-1] == "2013-01-18"
    assert drift.values[-1] == drift.value > (drift.threshold or 0) > 0
    assert figures["retrain_recommended"] is None
    assert resolved.title == "[RESOLVED] p/m: new champion, performance ended, drift ended"
    assert "Retraining has ended. Version 2 is the champion now, in place of version 1." in resolved.body
    # The flag's day is judged again, by the old baseline: that opens nothing.
    put(pipelines, "another", when="latency", threshold=1000)
    send_days(pipelines.database, 18, 18, turned=True)
    pipelines.settle()
    assert folded(pipelines) == []


def test_latency_volume_and_rejected_rows_are_judged_by_their_thresholds_and_end(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    put(pipelines, "slow", when="latency", threshold=4)  # all events took 5 ms
    put(pipelines, "nulls", when="data_quality", threshold=0.5)
    send_days(pipelines.database, 1, 2)
    pipelines.settle()
    (alert,) = folded(pipelines)
    assert (alert.kind, alert.day, alert.value) == ("latency", "2013-01-02", 5.0)
    assert alert.summary == "Latency: 95th percentile 5 ms, 4 ms are allowed, on 2013-01-02."
    put(pipelines, "slow", when="latency", threshold=6)
    send_days(pipelines.database, 3, 3)
    pipelines.settle()
    assert folded(pipelines) == []
    put(pipelines, "slow", when="latency", threshold=4)
    send_days(pipelines.database, 4, 4)
    pipelines.settle()
    assert len(folded(pipelines)) == 1
    PolicyStore(pipelines.database).remove(PROJECT, "slow")
    send_days(pipelines.database, 5, 5)
    pipelines.settle()
    assert folded(pipelines) == []
    ended = [message.body for message in messages(pipelines) if message.title.startswith("[RESOLVED]")]
    assert "No policy covers it any more." in ended[-1]


def test_what_a_policy_asks_for_on_k_of_n_days_needs_k_days(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    put(pipelines, "slow", when="latency", threshold=4, days=3, of_days=4)
    send_days(pipelines.database, 1, 2)
    pipelines.settle()
    assert folded(pipelines) == []
    send_days(pipelines.database, 3, 3)
    pipelines.settle()
    (alert,) = folded(pipelines)
    assert alert.since_day == "2013-01-01"


def test_the_same_day_without_news_is_not_looked_at_again(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    put(pipelines, "slow", when="latency", threshold=4)
    send_days(pipelines.database, 1, 1)
    pipelines.settle()
    written = len(FactStore(pipelines.database).newest(PROJECT, 100))
    pipelines.run({"dagster/partition": "2013-01-01"})
    assert len(FactStore(pipelines.database).newest(PROJECT, 100)) == written == 1


def test_a_model_that_cannot_be_looked_at_stops_no_other(pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    from guard_pipelines.alerts import stage as alerts

    make_project(pipelines.database)
    put(pipelines, "slow", when="latency", threshold=4)
    evaluate = alerts._PolicyEvaluation.evaluate

    def sometimes(self: Any, policies: Any) -> Any:
        if self._item.model_id == "broken":
            raise RuntimeError("no")
        return evaluate(self, policies)

    monkeypatch.setattr(alerts._PolicyEvaluation, "evaluate", sometimes)
    store(pipelines.database, [event(PROJECT, "broken", "2013-01-01T10:00:00Z", {"x": 1})])
    store(pipelines.database, [event(PROJECT, MODEL, "2013-01-01T10:00:00Z", {"x": 1})])
    pipelines.settle()
    assert [alert.model_id for alert in folded(pipelines)] == [MODEL]
    monkeypatch.setattr(alerts._PolicyEvaluation, "evaluate", evaluate)
    pipelines.run({"dagster/partition": "2013-01-01"})
    assert {alert.model_id for alert in folded(pipelines)} == {MODEL, "broken"}


def test_a_run_that_fails_as_a_whole_is_told_to_the_projects_that_wait_for_it_and_ends(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 2)
    failing = {
        "run_id": "r1",
        "title": "the job daily",
        "assets": DAILY_ASSETS,
        "days": ["2013-01-01", "2013-01-02"],
        "error": "disk full",
    }
    assert record_failed_run(pipelines.database, **failing) == 1  # type: ignore[arg-type]
    record_failed_run(pipelines.database, **failing)  # type: ignore[arg-type]
    (alert,) = folded(pipelines)
    assert (alert.model_id, alert.summary) == ("", "A run of the job daily has failed: disk full")
    pipelines.run({"dagster/partition": "2013-01-01"})
    record_finished_run(pipelines.database, "r2", DAILY_ASSETS)
    assert len(folded(pipelines)) == 1, "the second day of the failed run waits"
    pipelines.settle()
    assert len(folded(pipelines)) == 1, "no asset gives the all-clear"
    record_finished_run(pipelines.database, "r3", DAILY_ASSETS)
    assert folded(pipelines) == []
    assert [message.title for message in messages(pipelines)] == [
        "[ERROR] p: pipeline failure",
        "[RESOLVED] p: pipeline failure ended",
    ]


def test_a_failed_run_that_no_project_waits_for_is_told_to_who_runs_the_system(pipelines: Pipelines) -> None:
    record_failed_run(
        pipelines.database, run_id="r2", title="the job retention", assets={"lake_upkeep"}, days=[], error="locked"
    )
    fold(pipelines.database, ROUTES, gather_s=0)
    (alert,) = AlertStore(pipelines.database).open_of("")
    assert alert.kind == "pipeline_failure"
    record_finished_run(pipelines.database, "r3", {"lake_upkeep", "audit_retention"})
    fold(pipelines.database, ROUTES, gather_s=0)
    assert AlertStore(pipelines.database).open_of("") == []


def fail_run(pipelines: Pipelines, job_name: str, error: Exception, assets: Sequence[str] = ()) -> None:
    """Run a job of a name that fails, and the sensor on it."""

    @dg.op
    def breaks() -> None:
        raise error

    @dg.job(name=job_name)
    def job() -> None:
        breaks()

    result = job.execute_in_process(instance=pipelines.instance, raise_on_error=False)
    run = result.dagster_run
    if assets:  # as Dagster's pages launch assets
        run = run._replace(job_name="__ASSET_JOB", asset_selection=frozenset(map(dg.AssetKey, assets)))
    with dg.build_run_status_sensor_context(
        "failed_runs",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=pipelines.instance,
        dagster_run=run,
        resources={"guard": Guard()},
    ) as context:
        failed_runs(context.for_run_failure())
    fold(pipelines.database, ROUTES, gather_s=0)


def test_the_sensor_sees_a_failed_run_and_its_cause(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    fail_run(pipelines, "daily", ValueError("no such column"))
    (alert,) = AlertStore(pipelines.database).open_of("")
    assert alert.summary.startswith("A run of the job daily has failed: ValueError: no such column")


@pytest.mark.parametrize(
    ("job", "assets", "summary"),
    [
        ("costs", [], "A run of the job costs has failed"),
        ("knowledge", [], "A run of the job knowledge has failed"),
        ("any", ["raw_events"], "A run of raw_events by hand has failed"),
        (
            "any",
            ["alerts", "chunks", "documents", "embeddings"],
            "A run of alerts, chunks, documents and 1 more by hand",
        ),
    ],
)
def test_a_failed_run_of_any_job_and_by_hand_is_told(
    pipelines: Pipelines, job: str, assets: list[str], summary: str
) -> None:
    make_project(pipelines.database)
    fail_run(pipelines, job, ValueError("no"), assets)
    (alert,) = AlertStore(pipelines.database).open_of("")
    assert alert.summary.startswith(summary)


def test_a_failed_training_is_told_by_its_flag_and_a_run_without_partitions_to_nobody(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    fail_run(pipelines, "retrain", ValueError("no"))
    assert AlertStore(pipelines.database).open_of("") == []
    instance = pipelines.instance
    for name in ("raw_events", "aws_costs", "training_set"):
        result = (
            defs()
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(instance=instance, asset_selection=[dg.AssetKey(name)], raise_on_error=False)
        )
        (failure,) = [event.step_failure_data for event in result.filter_events(lambda event: event.is_step_failure)]
        assert CHOOSE_PARTITIONS in str(failure.user_failure_data)
        with dg.build_run_status_sensor_context(
            "failed_runs",
            dagster_event=result.get_run_failure_event(),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            resources={"guard": Guard()},
        ) as context:
            failed_runs(context.for_run_failure())
        fold(pipelines.database, ROUTES, gather_s=0)
    assert AlertStore(pipelines.database).open_of("") == []


@pytest.mark.parametrize(("is_whole", "open_alerts"), [(False, 1), (True, 0)])
def test_only_a_whole_run_of_the_job_ends_the_alert_on_a_failed_one(
    pipelines: Pipelines, is_whole: bool, open_alerts: int
) -> None:
    make_project(pipelines.database)
    record_failed_run(
        pipelines.database,
        run_id="r1",
        title="the job daily",
        assets=DAILY_ASSETS,
        days=["2013-01-01"],
        error="disk full",
    )
    fold(pipelines.database, ROUTES, gather_s=0)
    result = (
        defs()
        .resolve_job_def("daily")
        .execute_in_process(
            instance=pipelines.instance,
            tags={"dagster/partition": "2013-01-01"},
            asset_selection=None if is_whole else [dg.AssetKey("alerts")],
        )
    )
    with dg.build_run_status_sensor_context(
        "finished_runs",
        dagster_event=result.get_run_success_event(),
        dagster_instance=pipelines.instance,
        dagster_run=result.dagster_run,
        resources={"guard": Guard()},
    ) as context:
        finished_runs(context)
    fold(pipelines.database, ROUTES, gather_s=0)
    assert len(AlertStore(pipelines.database).open_of("")) == open_alerts


def test_the_sensors_run_without_being_switched_on() -> None:
    sensors = {sensor.name: sensor for sensor in defs().get_repository_def().sensor_defs}
    for name in ("failed_runs", "finished_runs", "silent_models", "monthly_reports"):
        assert sensors[name].default_status == dg.DefaultSensorStatus.RUNNING


def test_a_model_that_falls_silent_is_told_once_and_when_it_speaks_again(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    now = now_us()
    put(pipelines, "missing-data", when="missing_data", threshold=24)
    store(pipelines.database, [event(PROJECT, MODEL, "2013-01-01T10:00:00Z", received_us=now)])
    assert record_silence(pipelines.database, now + 23 * _HOUR_US) == 0
    for _ in range(3):
        record_silence(pipelines.database, now + 25 * _HOUR_US)
    (alert,) = folded(pipelines)
    assert alert.summary.startswith("No events for 25 hours, since ")
    assert alert.summary.endswith("; 24 hours without any are allowed.")
    assert record_silence(pipelines.database, now + 30 * _HOUR_US) == 0
    later = now + 31 * _HOUR_US
    store(pipelines.database, [event(PROJECT, MODEL, "2013-01-02T10:00:00Z", received_us=later)])
    assert record_silence(pipelines.database, later + int(timedelta(minutes=5).total_seconds() * 1e6)) == 1
    assert folded(pipelines) == []
    assert [message.title for message in messages(pipelines)] == [
        "[WARNING] p/m: no events",
        "[RESOLVED] p/m: events arrive again",
    ]


def test_a_day_that_is_given_up_is_told_and_its_end_too(pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    from guard_pipelines.monitoring.stages import drift

    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRIES", "0")
    make_project(pipelines.database)
    store(pipelines.database, [event(PROJECT, MODEL, "2013-01-01T10:00:00Z", {"x": 1})])
    judge = drift._Model.judge

    def broken(*_: Any) -> Any:
        raise RuntimeError("cannot be judged")

    monkeypatch.setattr(drift._Model, "judge", broken)
    for request in pipelines.tick():
        pipelines.run_request(request)
    (alert,) = folded(pipelines)
    assert (
        alert.summary == "The day 2013-01-01 is given up after 1 attempt to process it: RuntimeError: cannot be judged"
    )
    monkeypatch.setattr(drift._Model, "judge", judge)
    store(pipelines.database, [event(PROJECT, MODEL, "2013-01-01T11:00:00Z", {"x": 1})])
    pipelines.settle()
    assert folded(pipelines) == []
