"""Baselines: captured from the merged profiles of a window of days, listed and activated."""

from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import Baseline, BaselineStore
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.design_effect import design_effects
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import Conflict, NotFound
from serving.monitoring.baselines.schemas import BaselineView
from serving.monitoring.results.days import Days

_DAYS_NAMED = 31


class BaselineService:
    """Captures, lists and activates the baselines of models."""

    def __init__(self, day_states: DayStateStore, aggregates: AggregateStore, baselines: BaselineStore) -> None:
        self._day_states = day_states
        self._aggregates = aggregates
        self._baselines = baselines

    def versions(self, project_id: str, model_id: str, cursor: str | None, limit: int) -> Page[BaselineView]:
        """Return a page of all versions, newest first."""
        before = None if cursor is None else decode_cursor(cursor, int, 0)
        versions = self._baselines.versions(project_id, model_id, limit=limit + 1, before=before)
        return page_of(
            versions,
            limit,
            position=lambda baseline: baseline.version,
            item=BaselineView.of,
            state=lambda: "missing_baseline",
        )

    def activate(self, project_id: str, model_id: str, version: int, request_id: str) -> Baseline:
        """Make a version the reference of its model again.

        Raises
        ------
        NotFound
            If there is no such version.
        """
        baseline = self._baselines.activate(project_id, model_id, version, request_id=request_id)
        if baseline is None:
            raise NotFound(f"Model {model_id!r} has no baseline of version {version}.")
        return baseline

    def capture(
        self, project_id: str, model_id: str, days: Days, *, created_by: str | None, request_id: str
    ) -> Baseline:
        """Store the next version, from the days of a window.

        Raises
        ------
        NotFound
            If the window has no events.
        Conflict
            If some of its days are not profiled with all their events, or their profiles cannot be merged.
        """
        day_states = self._day_states.list(project_id, model_id, days.start, days.end)
        with_events = [item for item in day_states if item.events]
        if not with_events:
            raise NotFound(f"Model {model_id!r} has no events from {days.start} to {days.end}: nothing to refer to.")
        profiles = self._aggregates.profiles(project_id, model_id, days.start, days.end)
        missing = [item for item in with_events if item.day not in profiles or item.profile_revision < item.revision]
        if missing:
            raise _not_profiled(missing)
        try:
            # Not all profiles: a day that has lost its events to a change of the time zone may keep one until it is processed.
            daily_profiles = [TableProfile.from_bytes(profiles[item.day]) for item in with_events]
            merged = TableProfile.merge(daily_profiles)
        except ValueError as error:
            raise Conflict(f"The days do not fit together: {error}.") from None
        return self._baselines.capture(
            project_id,
            model_id,
            days.start,
            days.end,
            rows=merged.rows,
            sha256=merged.digest(),
            profile=merged.to_bytes(),
            design_effects=design_effects(daily_profiles, merged),
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
