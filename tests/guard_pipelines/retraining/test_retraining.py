"""The loop from verdict to a better champion: flags, training, gate, registry, and what the sensor does about failures."""

import threading
import time
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pytest

from guard_core.project_settings.training import TrainingSpec
from guard_pipelines import runs
from guard_pipelines.retraining import heartbeat, training, training_data
from guard_pipelines.retraining.training_data import choose_rows, read_rows
from guard_store.alerts.facts import FactStore
from guard_store.lake.store import Lake
from guard_store.monitoring.baselines import BaselineStore
from guard_store.monitoring.performance import TRAINING, PerformanceStore
from guard_store.projects.store import ProjectStore
from guard_store.retraining.decisions import DecisionStore
from guard_store.retraining.evaluations import EvaluationStore
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import FlagStore
from guard_store.retraining.registry import CHALLENGER, CHAMPION, Registry
from guard_store.retraining.training_runs import TrainingRunStore
from ml.retraining.training.evaluate import HeldOut
from ml.retraining.training.train import train
from ml.retraining.training.trained import TrainingError
from tests.support.pipeline_projects import (
    ADMIN,
    MODEL,
    PROJECT,
    ROWS,
    force,
    make_project,
    send_days,
    send_labels,
    train_first,
)
from tests.support.pipelines import Pipelines

KEY = (PROJECT, MODEL)


def registry(pipelines: Pipelines) -> Registry:
    return Registry(pipelines.settings.storage.mlflow)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_forced_flag_becomes_the_first_champion(request: pytest.FixtureRequest, engine: str) -> None:
    if engine == "postgresql":
        request.getfixturevalue("on_postgresql")
    pipelines: Pipelines = request.getfixturevalue("pipelines")
    flag = train_first(pipelines)

    run = TrainingRunStore(pipelines.database).of_flag(flag.id)
    assert run is not None
    assert (run.state, run.model_version) == ("registered", "1")
    assert registry(pipelines).aliases(*KEY) == {CHAMPION: "1"}
    done = FlagStore(pipelines.database).flag(flag.id)
    assert done is not None
    assert done.state == "done"
    assert [d.action for d in DecisionStore(pipelines.database).newest(*KEY, 10)] == ["promoted", "forced"]
    mlflow_run = registry(pipelines)
    (version,) = mlflow_run.versions(*KEY)
    assert version.run_id == run.mlflow_run_id


def test_the_steps_of_a_run_read_its_rows_once(pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    def counting(lake: Lake, flag: Flag, chosen: Mapping[str, Any]) -> HeldOut:
        reads.append(flag.id)
        return read_rows(lake, flag, chosen)

    monkeypatch.setattr(training_data, "read_rows", counting)
    flag = train_first(pipelines)
    assert reads == [flag.id]


def test_a_new_champion_brings_a_baseline_of_its_own_for_the_days_after(pipelines: Pipelines) -> None:
    flag = train_first(pipelines)
    in_force = BaselineStore(pipelines.database).in_force(*KEY)

    assert in_force.of("2013-01-10") is None
    baseline = in_force.of("2013-01-11")
    assert baseline is not None
    assert (baseline.id, baseline.start_day, baseline.end_day) == (flag.id, "2013-01-06", "2013-01-10")
    assert baseline.rows == 5 * ROWS
    reference = PerformanceStore(pipelines.database).reference(baseline.id)
    assert reference is not None
    assert reference.labelled == 3 * ROWS
    assert reference.reference["source"] == TRAINING
    assert reference.reference["metrics"]["roc_auc"]["value"] > 0.8


def test_the_rule_asks_for_retraining_when_the_world_has_turned_and_the_gate_lets_the_better_model_in(
    pipelines: Pipelines,
) -> None:
    train_first(pipelines)
    send_days(pipelines.database, 11, 18, turned=True)
    pipelines.settle()

    flag = FlagStore(pipelines.database).active(*KEY)
    assert flag is not None
    assert flag.day == "2013-01-18"
    (performance,) = [reason for reason in flag.reasons if reason["rule"] == "performance"]
    assert performance["kind"] == "realised"
    assert performance["high"] < performance["baseline"]
    (request,) = pipelines.tick_retrain()
    assert request.partition_key == "p/m"
    assert pipelines.retrain(request).success

    assert registry(pipelines).aliases(*KEY) == {CHAMPION: "2"}
    run = TrainingRunStore(pipelines.database).of_version(*KEY, "2")
    assert run is not None
    assert run.evaluation is not None
    assert run.evaluation["against"] == "champion"
    assert run.evaluation["gain"]["low"] > 0
    assert (run.data["first_day"], run.data["held_first_day"]) == ("2013-01-01", "2013-01-16")
    old, new = BaselineStore(pipelines.database).in_force(*KEY).of("2013-01-18"), run.baseline_id
    assert old is not None
    assert old.id != new


def test_a_candidate_that_is_no_better_stays_challenger_with_the_reasons(pipelines: Pipelines) -> None:
    train_first(pipelines)
    send_days(pipelines.database, 11, 12)
    pipelines.settle()
    force(pipelines.database, 12)
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success

    assert registry(pipelines).aliases(*KEY) == {CHAMPION: "1", CHALLENGER: "2"}
    newest = DecisionStore(pipelines.database).newest(*KEY, 1)[0]
    assert (newest.action, newest.version, newest.champion_before) == ("rejected", "2", "1")
    assert "not surely better" in newest.reason
    assert "from 3 daily gains), try 2 on this window" in newest.reason  # 10 January was held out before, too
    assert len(BaselineStore(pipelines.database).versions(*KEY)) == 1


def test_no_training_row_is_younger_than_the_flag_and_no_label_is_used_before_it_was_observed(
    pipelines: Pipelines,
) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 8)
    send_days(pipelines.database, 9, 10, labels=False)
    # Labels of a day before the flag that are observed after it: known today, not known then.
    late = {f"09-{i:03d}": 1 for i in range(ROWS)}
    send_labels(pipelines.database, late, 9, observed="2013-01-10T00:00:01Z")
    send_labels(pipelines.database, {f"10-{i:03d}": 0 for i in range(ROWS)}, 10)
    pipelines.settle()
    flag = force(pipelines.database, 9)
    spec = TrainingSpec(holdout_days=3, holdout_rows=300)
    chosen = choose_rows(Lake(pipelines.settings.storage.lake), flag, "UTC", spec)
    rows = read_rows(Lake(pipelines.settings.storage.lake), flag, chosen)

    for table in (rows.trained_on, rows.rows):
        assert pc.max(table["ts"]).cast("int64").as_py() < flag.as_of_us
        assert pc.max(table["label_observed_at"]).cast("int64").as_py() <= flag.as_of_us
    assert pc.max(rows.trained_on["ts"]).as_py() < pc.min(rows.rows["ts"]).as_py()
    assert (chosen["held_first_day"], chosen["held_last_day"]) == ("2013-01-06", "2013-01-08")
    assert (chosen["rows"], chosen["held_rows"]) == (5 * ROWS, 3 * ROWS)


def test_data_that_comes_after_the_flag_changes_nothing_about_its_training(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 8)
    pipelines.settle()
    flag = force(pipelines.database, 8)
    lake = Lake(pipelines.settings.storage.lake)
    spec = TrainingSpec(holdout_days=3, holdout_rows=300)
    chosen = choose_rows(lake, flag, "UTC", spec)
    before = read_rows(lake, flag, chosen)
    send_days(pipelines.database, 9, 10)
    send_labels(pipelines.database, {f"08-{i:03d}": 1 for i in range(ROWS)}, 8, observed="2013-01-20T00:00:00Z")
    pipelines.settle()

    after = read_rows(lake, flag, chosen)
    assert after.trained_on.equals(before.trained_on)
    assert after.rows.equals(before.rows)


def test_too_few_labels_are_said_with_the_numbers(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 2)
    pipelines.settle()
    flag = force(pipelines.database, 2)
    with pytest.raises(TrainingError, match="300 labelled rows on 2 of the 365 days up to 2013-01-02 are too few"):
        choose_rows(Lake(pipelines.settings.storage.lake), flag, "UTC", TrainingSpec())


def test_a_forced_flag_without_enough_rows_waits_for_them_and_states_what_is_missing(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRAIN_RETRY_DELAY_S", "0")
    make_project(pipelines.database)
    flag = force(pipelines.database, 10)
    store = FlagStore(pipelines.database)
    assert pipelines.tick_retrain() == []
    waiting = store.flag(flag.id)
    assert waiting is not None
    assert (waiting.state, waiting.attempts, waiting.error) == ("open", 0, "The model has no events in the lake yet")
    send_days(pipelines.database, 1, 2)
    pipelines.settle()
    assert pipelines.tick_retrain() == []
    waiting = store.flag(flag.id)
    assert waiting is not None
    assert (waiting.state, waiting.attempts) == ("open", 0)
    assert "300 labelled rows on 2 of the 365 days up to 2013-01-10 are too few" in str(waiting.error)
    assert [fact.kind for fact in FactStore(pipelines.database).newest(PROJECT, 10)] == ["retrain_recommended"]

    send_days(pipelines.database, 3, 10)
    pipelines.settle()
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success
    done = store.flag(flag.id)
    assert done is not None
    assert (done.state, done.error) == ("done", None)


def test_the_sensor_asks_once_for_a_flag_however_often_it_looks(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 10)
    pipelines.settle()
    force(pipelines.database, 10)
    (request,) = pipelines.tick_retrain()
    (again,) = pipelines.tick_retrain()
    assert again.run_key == request.run_key
    pipelines.retrain(request)
    assert pipelines.tick_retrain() == []


def test_two_runs_never_train_for_one_model_at_once(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 10)
    pipelines.settle()
    flag = force(pipelines.database, 10)
    (request,) = pipelines.tick_retrain()
    store = FlagStore(pipelines.database)
    running = pipelines.hold(request, job="retrain")
    store.start(flag, running.run_id)

    assert pipelines.tick_retrain() == []
    result = pipelines.retrain(request, raises=False)
    assert not result.success
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert "one at a time" in str(failure.step_failure_data.error)
    assert store.force(PROJECT, MODEL, "2013-01-10", as_of_us=0, reason="again", actor=ADMIN) is None


def test_a_queued_training_is_not_joined_by_a_second_one(pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 10)
    pipelines.settle()
    flag = force(pipelines.database, 10)
    (request,) = pipelines.tick_retrain()
    queued = pipelines.hold(request, dg.DagsterRunStatus.QUEUED, job="retrain")
    pipelines.instance.report_engine_event("in the queue", queued)
    monkeypatch.setattr(runs, "SILENT_AFTER_S", 0)

    assert pipelines.tick_retrain() == []
    found = FlagStore(pipelines.database).flag(flag.id)
    assert found is not None
    assert (found.state, found.attempts) == ("open", 0)


@pytest.mark.usefixtures("kept_instance")
def test_a_long_fit_says_that_it_goes_on(pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 10)
    pipelines.settle()
    force(pipelines.database, 10)
    (request,) = pipelines.tick_retrain()
    said: list[str] = []

    def slow(*arguments: Any, **options: Any) -> Any:
        while not (lines := _lines(pipelines)):
            time.sleep(0.01)
        said.extend(lines)
        return train(*arguments, **options)

    monkeypatch.setattr(heartbeat, "EVERY_S", 0.05)
    monkeypatch.setattr(training, "train", slow)
    assert pipelines.retrain(request).success
    assert said[0].startswith("still at work after")
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]


def _lines(pipelines: Pipelines) -> list[str]:
    (run,) = pipelines.instance.get_runs(dg.RunsFilter(job_name="retrain"))
    messages = (entry.user_message for entry in pipelines.instance.all_logs(run.run_id))
    return [message for message in messages if "still at work" in message]


def test_a_training_that_fails_is_tried_again_and_then_given_up_with_an_alert(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRAIN_RETRIES", "1")
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRAIN_RETRY_DELAY_S", "0")
    make_project(pipelines.database, training={"builder": "nowhere:build"})
    send_days(pipelines.database, 1, 10)
    pipelines.settle()
    flag = force(pipelines.database, 10)
    store = FlagStore(pipelines.database)
    for attempt, state in ((1, "open"), (2, "failed")):
        (request,) = pipelines.tick_retrain()
        assert request.run_key == f"{flag.id}/{attempt - 1}"
        assert not pipelines.retrain(request, raises=False).success
        assert pipelines.tick_retrain() == []  # this look counts the failure
        found = store.flag(flag.id)
        assert found is not None
        assert (found.attempts, found.state) == (attempt, state)
        assert "nowhere:build" in (found.error or "")
    facts = FactStore(pipelines.database).newest(PROJECT, 10)
    assert [fact.kind for fact in facts] == ["retrain_failed", "retrain_started", "retrain_recommended"]
    assert {fact.details["flag_id"] for fact in facts} == {flag.id}
    assert pipelines.tick_retrain() == []

    ProjectStore(pipelines.database).update(PROJECT, settings={"training": {"algorithms": ["linear"]}})
    force(pipelines.database, 10)
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success


def test_a_champion_that_moves_during_the_training_is_compared_with_anew(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRAIN_RETRY_DELAY_S", "0")
    train_first(pipelines)
    send_days(pipelines.database, 11, 12)
    pipelines.settle()
    force(pipelines.database, 12)
    (request,) = pipelines.tick_retrain()
    pipelines.retrain(request)  # version 2 waits as challenger
    send_days(pipelines.database, 13, 18, turned=True)
    pipelines.settle()
    (request,) = pipelines.tick_retrain()
    register = Registry.register

    def somebody_moves_the_alias(self: Registry, *arguments: object, **named: object) -> object:
        found = register(self, *arguments, **named)  # type: ignore[arg-type]
        if self.aliases(*KEY)[CHAMPION] == "1":
            self.set_alias(*KEY, CHAMPION, "2")
        return found

    monkeypatch.setattr(Registry, "register", somebody_moves_the_alias)
    result = pipelines.retrain(request, raises=False)
    assert not result.success
    assert registry(pipelines).aliases(*KEY)[CHAMPION] == "2"
    assert pipelines.tick_retrain() == []
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success
    run = TrainingRunStore(pipelines.database).of_version(*KEY, "3")
    assert run is not None
    assert run.evaluation is not None
    assert run.evaluation["champion_version"] == "2"
    assert registry(pipelines).aliases(*KEY)[CHAMPION] == "3"


def test_events_from_before_there_was_a_model_predict_nothing_and_can_be_learned_from(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 10, predicted=False)
    pipelines.settle()
    force(pipelines.database, 10)
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success
    assert registry(pipelines).aliases(*KEY) == {CHAMPION: "1"}


def test_a_rule_that_is_switched_off_still_shows_what_it_sees(pipelines: Pipelines) -> None:
    make_project(pipelines.database, retrain={"enabled": False, "max_age_days": 1})
    send_days(pipelines.database, 1, 3)
    pipelines.settle()
    (evaluation,) = EvaluationStore(pipelines.database).days(*KEY, "2013-01-03", "2013-01-03")
    assert not evaluation.recommended
    assert evaluation.result["against"][0]["rule"] == "enabled"
    assert FlagStore(pipelines.database).active(*KEY) is None


def test_history_whose_labels_were_observed_afterwards_raises_no_flag(pipelines: Pipelines) -> None:
    make_project(pipelines.database, retrain={"min_labelled_rows": 100})
    send_days(pipelines.database, 1, 4, labels=False)
    for day in range(1, 5):
        send_labels(
            pipelines.database, {f"{day:02d}-{i:03d}": i % 2 for i in range(ROWS)}, day, observed="2013-06-01T00:00:00Z"
        )
    pipelines.settle()
    (materialization,) = pipelines.instance.fetch_materializations(dg.AssetKey("retrain_recommended"), limit=1).records
    table = materialization.asset_materialization
    assert table is not None
    sentence = f"0 labelled rows can be trained on, retrain.min_labelled_rows is 100, 200 rows beside the held-out days are missing for a training, {4 * ROWS} labels came after the end of the day"
    assert sentence in str(table.metadata["retrain"].value)
    (evaluation,) = EvaluationStore(pipelines.database).days(*KEY, "2013-01-04", "2013-01-04")
    (objection,) = evaluation.result["against"]
    assert objection["rule"] == "labelled_rows"
    assert (objection["labelled_rows"], objection["late_labels"]) == (0, 4 * ROWS)
    assert FlagStore(pipelines.database).active(*KEY) is None
