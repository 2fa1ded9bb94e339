"""Training assets as a person materialises them in Dagster: with a forced flag, without one, and without enough labels."""

from collections.abc import Mapping

import dagster as dg
import pytest
from pydantic import ValidationError

from guard_pipelines.definitions import defs
from guard_store.retraining.decisions import DecisionStore
from guard_store.retraining.flags import FlagStore, FlagTakenError
from tests.support.pipeline_projects import MODEL, PROJECT, force, make_project, send_days
from tests.support.pipelines import Pipelines

FORCE = {"ops": {"training_set": {"config": {"force": True, "reason": "a new price list"}}}}


def materialise(pipelines: Pipelines, config: Mapping[str, object]) -> dg.ExecuteInProcessResult:
    pipelines.instance.add_dynamic_partitions("model", ["p/m"])
    job = defs().resolve_job_def("retrain")
    return job.execute_in_process(instance=pipelines.instance, partition_key="p/m", run_config=config)


def test_run_config_raises_the_flag_on_record_and_trains(pipelines: Pipelines) -> None:
    make_project(pipelines.database, training={"window_days": 10_000, "algorithms": ["linear"], "holdout_days": 3})
    send_days(pipelines.database, 1, 10)
    pipelines.settle()
    assert materialise(pipelines, FORCE).success
    (flag,) = FlagStore(pipelines.database).newest(PROJECT, MODEL, 5)
    assert (flag.state, flag.forced, flag.reasons[0]["reason"]) == ("done", True, "a new price list")
    forced = DecisionStore(pipelines.database).last(PROJECT, MODEL, "forced")
    assert forced is not None
    assert forced.reason == "a new price list"


def test_a_forced_training_without_a_reason_is_refused(pipelines: Pipelines) -> None:
    with pytest.raises(ValidationError, match="reason: give the reason"):
        materialise(pipelines, {"ops": {"training_set": {"config": {"force": True}}}})


def test_without_a_flag_the_failure_states_how_to_force_one(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    with pytest.raises(
        FlagTakenError, match=r"run config \{force: true, reason: …\}, or force one on http://.*/models/m/versions"
    ):
        materialise(pipelines, {})


def test_a_shortage_of_labels_skips_the_steps_and_keeps_the_flag(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 2)
    pipelines.settle()
    force(pipelines.database, 2)
    result = materialise(pipelines, {})
    assert result.success
    assert not result.asset_materializations_for_node("training_set")
    (flag,) = FlagStore(pipelines.database).active_flags()
    assert (flag.state, flag.attempts) == ("open", 0)
    assert "are too few" in (flag.error or "")
    assert {event.step_key for event in result.all_events if event.is_step_skipped} == {
        "candidate_model",
        "model_evaluation",
        "registered_model",
    }
