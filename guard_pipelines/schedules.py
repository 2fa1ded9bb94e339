"""Schedules, each once a day: the safety net under the sensor `unprocessed_days`, costs, retention, and observations.

The first runs the newest day that is closed everywhere even without unprocessed rows, so that a day without events is noticed too.
"""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from guard_pipelines.jobs import costs, daily, observe_external_assets, retention
from guard_pipelines.resources import Guard
from guard_pipelines.tags import UNPROCESSED, VERDICTS_FIRST, days_of, range_tags, subject_tags

# The last zone to end a day is UTC-12.
_LAST_MIDNIGHT = timedelta(hours=12)


@dg.schedule(
    job=daily,
    cron_schedule="30 12 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Requests the newest day that is closed everywhere, with events or without, and all that the sensor would request.",
)
def every_day(context: dg.ScheduleEvaluationContext, guard: Guard) -> list[dg.RunRequest]:
    """Request all that the sensor would request, and the newest day that is closed in every time zone.

    That day is left out if another run covers it: two runs never work on one day at once.
    """
    from guard_pipelines.days.requests import days_in_flight, request_days
    from guard_store.day_state.store import DayStateStore

    answer = request_days(DayStateStore(guard.database).due(guard.settings), context.instance, guard.settings)
    at = context.scheduled_execution_time.astimezone(UTC)
    day = closed_everywhere(at, guard.settings.pipelines.close_delay_s).isoformat()
    requested = {day for request in answer.requests for day in days_of(request.tags)}
    if day in requested | days_in_flight(context.instance):
        return list(answer.requests)
    tags = {**range_tags(day, day), **VERDICTS_FIRST, UNPROCESSED: f"schedule {day}", **subject_tags((), [day])}
    return [*answer.requests, dg.RunRequest(run_key=f"schedule {day}", tags=tags)]


@dg.schedule(
    job=costs,
    cron_schedule="30 13 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Requests the costs of the newest closed day, and again of days whose bill is not final.",
)
def every_bill(context: dg.ScheduleEvaluationContext, guard: Guard) -> dg.RunRequest:
    """Request the costs of the days from the first whose bill is not final to the newest that is closed everywhere."""
    from guard_store.costs.open_days import first_open_day

    at = context.scheduled_execution_time.astimezone(UTC)
    day = closed_everywhere(at, guard.settings.pipelines.close_delay_s)
    first = first_open_day(guard.database, guard.settings, day)
    days = [first.isoformat(), day.isoformat()]
    tags = {**range_tags(*days), UNPROCESSED: f"costs {day}", **subject_tags((), days)}
    return dg.RunRequest(run_key=f"costs {day}", tags=tags)


every_night = dg.ScheduleDefinition(
    name="every_night",
    job=retention,
    cron_schedule="15 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Requests a sweep: of what is older than the settings allow, and of files that nothing can request any more.",
)

every_observation = dg.ScheduleDefinition(
    name="every_observation",
    job=observe_external_assets,
    cron_schedule="45 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Requests an observation of what the pipelines read and serve.",
)


def closed_everywhere(at: datetime, close_delay_s: int) -> date:
    """Return the newest date that is closed in all time zones.

    >>> str(closed_everywhere(datetime(2013, 3, 11, 12, 30, tzinfo=UTC), 300))
    '2013-03-10'
    """
    return (at - _LAST_MIDNIGHT - timedelta(seconds=close_delay_s)).date() - timedelta(days=1)
