"""Service behind the baseline routes: capture a baseline from the merged profiles of some days, list and activate versions."""

from guard_core.project_settings.drift import DriftSettings
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import Baseline, BaselineStore
from guard_store.projects.store import ProjectStore
from ml.monitoring.baseline_content import BaselineContent
from ml.monitoring.profiles.table import TableProfile
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import Conflict, NotFound
from serving.monitoring.baselines.schemas import BaselineView
from serving.monitoring.results.days import Days

_MAX_DAYS_LISTED = 31


class BaselineService:
    """Capture, list and activate the baselines of models."""

    def __init__(
        self, projects: ProjectStore, day_states: DayStateStore, aggregates: AggregateStore, baselines: BaselineStore
    ) -> None:
        self._projects = projects
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
        """Make a version the active baseline of its model.

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
        """Store the merged profiles of a range of days as the next version.

        Raises
        ------
        NotFound
            If the days have no events.
        Conflict
            If the profile of a day does not include all of its events, or the profiles cannot be merged.
        """
        day_states = self._day_states.list(project_id, model_id, days.start, days.end)
        with_events = [item for item in day_states if item.events]
        if not with_events:
            raise NotFound(f"Model {model_id!r} has no events from {days.start} to {days.end}: nothing to refer to.")
        profiles = self._aggregates.profiles(project_id, model_id, days.start, days.end)
        missing = [item for item in with_events if item.day not in profiles or item.profile_revision < item.revision]
        if missing:
            raise _not_profiled(missing)
        settings = self._projects.model_settings(project_id, model_id, DriftSettings)
        try:
            # Only days with events: after a change of the time zone, a day may have lost its events and keep its profile
            # until it is processed.
            daily_profiles = {item.local_date: TableProfile.from_bytes(profiles[item.day]) for item in with_events}
            content = BaselineContent.of(daily_profiles, settings)
        except ValueError as error:
            raise Conflict(f"The days do not fit together: {error}.") from None
        return self._baselines.capture(
            project_id,
            model_id,
            days.start,
            days.end,
            **content.to_dict(),
            created_by=created_by,
            request_id=request_id,
        )


def _not_profiled(missing: list[DayState]) -> Conflict:
    listed = ", ".join(item.day for item in missing[:_MAX_DAYS_LISTED])
    more = f" and {len(missing) - _MAX_DAYS_LISTED} more" if len(missing) > _MAX_DAYS_LISTED else ""
    return Conflict(
        f"Not profiled yet with all their events: {listed}{more}. Wait for the pipelines, or choose other days;"
        " GET …/models/{model_id}/days shows how far each day is processed.",
        days=[item.day for item in missing],
    )
