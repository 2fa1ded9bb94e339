"""Capturing a baseline: the stored profiles of a window's days, merged."""

from guard_store.day_state.day_state import DayState
from guard_store.monitoring.baselines import Baseline
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.design_effect import design_effects
from serving.http.problems import Conflict, NotFound
from serving.monitoring.results.days import Days
from serving.services import Services

_DAYS_NAMED = 31


def capture(
    services: Services, project_id: str, model_id: str, days: Days, *, created_by: str | None, request_id: str
) -> Baseline:
    """Store the next version from the days of a window.

    Raises
    ------
    NotFound
        Where the window has no events.
    Conflict
        Where some of its days are not profiled with all their events, or do not fit together.
    """
    received = services.news.list(project_id, model_id, days.start, days.end)
    with_events = [item for item in received if item.events]
    if not with_events:
        raise NotFound(f"Model {model_id!r} has no events from {days.start} to {days.end}: nothing to refer to.")
    profiles = services.aggregates.profiles(project_id, model_id, days.start, days.end)
    missing = [item for item in with_events if item.day not in profiles or item.profile_revision < item.revision]
    if missing:
        raise _not_profiled(missing)
    try:
        # Not all profiles: a day that another time zone has emptied may keep one until it is processed.
        of_days = [TableProfile.from_bytes(profiles[item.day]) for item in with_events]
        merged = TableProfile.merge(of_days)
    except ValueError as error:
        raise Conflict(f"The days do not fit together: {error}.") from None
    return services.baselines.capture(
        project_id,
        model_id,
        days.start,
        days.end,
        rows=merged.rows,
        sha256=merged.digest(),
        profile=merged.to_bytes(),
        design_effects=design_effects(of_days, merged),
        created_by=created_by,
        request_id=request_id,
    )


def _not_profiled(missing: list[DayState]) -> Conflict:
    named = ", ".join(item.day for item in missing[:_DAYS_NAMED])
    more = f" and {len(missing) - _DAYS_NAMED} more" if len(missing) > _DAYS_NAMED else ""
    return Conflict(
        f"Not profiled yet with all their events: {named}{more}. Wait for the pipelines, or choose other days;"
        " the model's news say how far each day is.",
        days=[item.day for item in missing],
    )
