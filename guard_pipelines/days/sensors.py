"""Sensor: requests runs of exactly the closed local days with unprocessed rows.

Days that have just closed, late events, labels and changed settings all take the same path.
"""

import dagster as dg

from guard_core.days import now_us
from guard_core.units import SECOND_US
from guard_pipelines.days.polling import polls
from guard_pipelines.jobs import daily
from guard_pipelines.resources import Guard
from guard_store.day_state.store import DayStateStore
from guard_store.day_state.ticks import UNPROCESSED_DAYS, TickStore


def unprocessed_days(interval_s: int) -> dg.SensorDefinition:
    """Build the sensor; it evaluates its days every `interval_s`, several times within a tick where that is below Dagster's."""

    @dg.sensor(
        name=UNPROCESSED_DAYS,
        job=daily,
        minimum_interval_seconds=interval_s,
        # Without events it requests nothing; an operator who sends events expects verdicts.
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests runs of exactly the closed local days with unprocessed rows: events, labels, changed settings;"
        " retries failed days.",
    )
    def sensor(context: dg.SensorEvaluationContext, guard: Guard) -> dg.SensorResult | dg.SkipReason:
        return _request_days(context, guard)

    return sensor


def _request_days(context: dg.SensorEvaluationContext, guard: Guard) -> dg.SensorResult | dg.SkipReason:
    """Count new labels on the days of their events, then request the unprocessed days in few runs, each change once.

    The cursor is the Unix time of the newest request of days that had been processed before; for `rest_s` after it, no such day is requested.
    """
    from guard_pipelines.days.requests import request_days
    from guard_store.ingest.labels import LabelStore

    TickStore(guard.database).record(UNPROCESSED_DAYS, now_us())
    before = None
    for is_last in polls(guard.settings.pipelines.interval_s):
        LabelStore(guard.database).count_on_days()
        due = DayStateStore(guard.database).due(guard.settings)
        at_s = now_us() // SECOND_US
        may_reprocess = at_s - int(context.cursor or 0) >= guard.settings.pipelines.rest_s
        answer = request_days(due, context.instance, guard.settings, with_due_again=may_reprocess)
        run_keys = [request.run_key for request in answer.requests]
        # Days that still change would be processed twice: they are requested once they are unchanged, or at the tick's end.
        if run_keys and (is_last or run_keys == before):
            cursor = str(at_s) if answer.with_due_again else context.cursor
            return dg.SensorResult(run_requests=list(answer.requests), cursor=cursor)
        before = run_keys
    return dg.SkipReason(answer.waiting)
