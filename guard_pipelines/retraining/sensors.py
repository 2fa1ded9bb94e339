"""Sensor: one training run for each retrain flag, never two at once; a failed one is tried again, with a limit.

Flags are stored by `guard_store.retraining.flags`; what a run does is in the assets.
"""

import dagster as dg

from guard_pipelines.days.polling import polls
from guard_pipelines.jobs import retrain
from guard_pipelines.partitions import MODELS, key_of_model
from guard_pipelines.resources import Guard


def retrain_sensor(interval_s: int) -> dg.SensorDefinition:
    """Build the sensor; it reads the flags every `interval_s`, several times within a tick where that is below Dagster's."""

    @dg.sensor(
        name="retrain_sensor",
        job=retrain,
        minimum_interval_seconds=interval_s,
        # A flag is raised by a rule that the operator has configured; promotion has a rule of its own.
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests a training for each active retrain flag; retries failed trainings, with a limit.",
    )
    def sensor(context: dg.SensorEvaluationContext, guard: Guard) -> dg.SensorResult | dg.SkipReason:
        return _request_trainings(context.instance, guard)

    return sensor


def _request_trainings(instance: dg.DagsterInstance, guard: Guard) -> dg.SensorResult | dg.SkipReason:
    """Request a training of each active flag whose time has come; count runs that ended without finishing their flag as failed.

    Partitions of models that do not exist any more are removed.
    """
    from guard_pipelines.retraining.flag_requests import request_flags
    from guard_pipelines.retraining.model_partitions import partitions_without_model

    outdated = partitions_without_model(instance, guard.database)
    removals = [MODELS.build_delete_request(outdated)] if outdated else []
    for _ in polls(guard.settings.pipelines.interval_s):
        answer = request_flags(guard.database, guard.lake, guard.settings, instance)
        if answer.requests:
            keys = [key_of_model(*key) for key in answer.models]
            return dg.SensorResult(
                run_requests=list(answer.requests),
                dynamic_partitions_requests=[MODELS.build_add_request(keys), *removals],
            )
        if removals:
            return dg.SensorResult(skip_reason=answer.waiting, dynamic_partitions_requests=removals)
    return dg.SkipReason(answer.waiting)
