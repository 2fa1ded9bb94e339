"""Sensor: one training run for each retrain flag, never two at once; a failed one is tried again, with a limit.

Which flags there are is `guard_store.retraining.flags`; what a run does is in the assets.
"""

import dagster as dg

from guard_core.settings import load_settings
from guard_pipelines.days.looks import looks
from guard_pipelines.jobs import retrain
from guard_pipelines.partitions import MODELS, key_of_model
from guard_pipelines.resources import Guard


@dg.sensor(
    job=retrain,
    minimum_interval_seconds=load_settings().pipelines.interval_s,
    # A flag is raised by a rule that the operator has set; a promotion has a gate of its own.
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a training for each active retrain flag; tries failed trainings again, with a limit.",
)
def retrain_sensor(context: dg.SensorEvaluationContext, guard: Guard) -> dg.SensorResult | dg.SkipReason:
    """Asks for a training run of each active flag whose time has come; counts runs that ended without finishing theirs."""
    from guard_pipelines.retraining.flag_requests import requests_of_flags

    for _ in looks(guard.settings.pipelines.interval_s):
        answer = requests_of_flags(guard.database, guard.settings, context.instance)
        if answer.requests:
            keys = [key_of_model(*key) for key in answer.models]
            return dg.SensorResult(
                run_requests=list(answer.requests), dynamic_partitions_requests=[MODELS.build_add_request(keys)]
            )
    return dg.SkipReason(answer.waiting)
