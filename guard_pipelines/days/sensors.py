"""Sensor: asks for exactly the closed local days that have news.

A day just closed, late events, labels, a changed setting: all the same path.
"""

import dagster as dg

from guard_core.settings import load_settings
from guard_pipelines.days.looks import looks
from guard_pipelines.jobs import daily
from guard_pipelines.resources import Guard


@dg.sensor(
    job=daily,
    minimum_interval_seconds=load_settings().pipelines.interval_s,
    # Nothing happens before there are events, and with events the operator wants verdicts.
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for exactly the closed local days that have news: events, labels, changed settings; tries failed days again.",
)
def news(context: dg.SensorEvaluationContext, guard: Guard) -> dg.SensorResult | dg.SkipReason:
    """Tells days of their labels, then asks for runs of the closed days that have news, in few runs, each news once."""
    from guard_pipelines.days.requests import requests_for
    from guard_store.day_state.store import DayStateStore
    from guard_store.ingest.labels import LabelStore

    before = None
    for is_last in looks(guard.settings.pipelines.interval_s):
        LabelStore(guard.database).settle()
        due = DayStateStore(guard.database).due(guard.settings)
        answer = requests_for(due, context.instance, guard.settings)
        asked = [request.run_key for request in answer.requests]
        # News that still move would be worked on twice: they are asked for when they rest, or at the tick's end.
        if asked and (is_last or asked == before):
            return dg.SensorResult(run_requests=list(answer.requests))
        before = asked
    return dg.SkipReason(answer.waiting)
