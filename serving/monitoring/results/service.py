"""Service behind the result routes: a model's results page by page; the state of an empty page gives the reason."""

from collections import Counter

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.db.day_results import WHOLE_DAY
from guard_store.ingest.rejections import RejectionStore
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import BaselineStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.monitoring.performance import PerformanceStore
from guard_store.projects.store import Project
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import Unprocessable
from serving.monitoring.results.days import Days
from serving.monitoring.results.profiles import profile_columns
from serving.monitoring.results.schemas import (
    DayStateView,
    DriftView,
    MetricsView,
    ModelView,
    PerformanceView,
    ProfileView,
    RejectionsView,
)

SliceKey = tuple[str, str]


class ResultsService:
    """Read the results that the pipelines have computed for a project's models."""

    def __init__(
        self,
        day_states: DayStateStore,
        rejections: RejectionStore,
        aggregates: AggregateStore,
        drift_reports: DriftReportStore,
        baselines: BaselineStore,
        performance: PerformanceStore,
        settings: Settings,
    ) -> None:
        self._day_states = day_states
        self._rejections = rejections
        self._aggregates = aggregates
        self._drift_reports = drift_reports
        self._baselines = baselines
        self._performance = performance
        self._settings = settings

    def models(self, project: Project, cursor: str | None, limit: int) -> Page[ModelView]:
        """Return a page of the models of a project that have events."""
        after_id = decode_cursor(cursor, str, "")
        models = [model for model in self._day_states.models(project.id) if model.model_id > after_id]
        return page_of(
            models[: limit + 1],
            limit,
            position=lambda model: model.model_id,
            item=ModelView.of,
            state=lambda: "no_events",
        )

    def day_states(
        self, project: Project, model_id: str, days: Days, cursor: str | None, limit: int
    ) -> Page[DayStateView]:
        """Return a page of day states: what each local day has received, and how far it is processed."""
        after_day = decode_cursor(cursor, str, "")
        day_states = self._day_states.list(
            project.id, model_id, days.start, days.end, after_day=after_day, limit=limit + 1
        )
        rejected: Counter[str] = Counter()
        if day_states:
            for row in self._rejections.days(project.id, day_states[0].day, day_states[-1].day, model_id=model_id):
                rejected[row.day] += row.count
        now = now_us()

        def view(item: DayState) -> DayStateView:
            return DayStateView.of(item, state=self._day_state(item, now), rejected=rejected[item.day])

        return page_of(day_states, limit, position=lambda item: item.day, item=view, state=lambda: "no_events")

    def rejections(self, project: Project, days: Days, cursor: str | None, limit: int) -> Page[RejectionsView]:
        """Return a page of counts of rejected rows, by local day of arrival, model and field."""
        after = decode_cursor(cursor, tuple[str, str, str], ("", "", ""))
        counts = self._rejections.days(project.id, days.start, days.end, after=after, limit=limit + 1)
        return page_of(
            counts,
            limit,
            position=lambda row: (row.day, row.model_id, row.field),
            item=RejectionsView.of,
            state=lambda: "no_rejections",
        )

    def metrics(
        self,
        project: Project,
        model_id: str,
        days: Days,
        slice_key: SliceKey,
        cursor: str | None,
        limit: int,
    ) -> Page[MetricsView]:
        """Return a page of a slice's metrics by day."""
        aggregates = self._aggregates.days(
            project.id,
            model_id,
            days.start,
            days.end,
            slice_key,
            limit=limit + 1,
            after_day=decode_cursor(cursor, str, ""),
        )
        return page_of(
            aggregates,
            limit,
            position=lambda aggregate: aggregate.day,
            item=MetricsView.of,
            state=lambda: self._empty_state(project.id, model_id, days, slice_key),
        )

    def slices(self, project: Project, model_id: str, day: str) -> Page[MetricsView]:
        """Return the metrics of all slices of a day, the whole day first."""
        aggregates = self._aggregates.slices(project.id, model_id, day)
        return page_of(
            aggregates,
            len(aggregates),
            position=lambda aggregate: aggregate.day,
            item=MetricsView.of,
            state=lambda: self._empty_state(project.id, model_id, Days(day, day), WHOLE_DAY),
        )

    def profiles(
        self,
        project: Project,
        model_id: str,
        days: Days,
        slice_key: SliceKey,
        cursor: str | None,
        limit: int,
        *,
        detail: bool,
    ) -> Page[ProfileView]:
        """Return a page of a slice's profiles by day; `detail` includes whole distributions."""
        profiles = self._aggregates.profiles(
            project.id,
            model_id,
            days.start,
            days.end,
            slice_key,
            limit=limit + 1,
            after_day=decode_cursor(cursor, str, ""),
        )
        dimension, value = slice_key if slice_key != WHOLE_DAY else (None, None)

        def view(item: tuple[str, bytes]) -> ProfileView:
            day, profile = item
            rows, envelope, features = profile_columns(profile, detail=detail)
            return ProfileView(
                day=day, dimension=dimension, value=value, rows=rows, envelope=envelope, features=features
            )

        return page_of(
            list(profiles.items()),
            limit,
            position=lambda item: item[0],
            item=view,
            state=lambda: self._empty_state(project.id, model_id, days, slice_key),
        )

    def drift(self, project: Project, model_id: str, days: Days, cursor: str | None, limit: int) -> Page[DriftView]:
        """Return a page of drift reports by day."""
        reports = self._drift_reports.days(
            project.id,
            model_id,
            days.start,
            days.end,
            limit=limit + 1,
            after_day=decode_cursor(cursor, str, ""),
        )

        def empty_state() -> str:
            state = self._empty_state(project.id, model_id, days, WHOLE_DAY)
            has_baseline = bool(self._baselines.versions(project.id, model_id, limit=1))
            return state if has_baseline or state == "no_events" else "missing_baseline"

        return page_of(reports, limit, position=lambda report: report.day, item=DriftView.of, state=empty_state)

    def performance(
        self,
        project: Project,
        model_id: str,
        days: Days,
        slice_key: SliceKey,
        cursor: str | None,
        limit: int,
    ) -> Page[PerformanceView]:
        """Return a page of a slice's performance by day."""
        after_day = decode_cursor(cursor, str, "")
        performance = self._performance.days(
            project.id, model_id, days.start, days.end, slice_key, limit=limit + 1, after_day=after_day
        )

        def empty_state() -> str:
            day_states = self._day_states.list(project.id, model_id, days.start, days.end)
            if not day_states:
                return "no_events"
            return "no_labels" if all(item.done for item in day_states) else "not_processed"

        return page_of(performance, limit, position=lambda day: day.day, item=PerformanceView.of, state=empty_state)

    def _empty_state(self, project_id: str, model_id: str, days: Days, slice_key: SliceKey) -> str:
        if not self._day_states.list(project_id, model_id, days.start, days.end, limit=1):
            return "no_events"
        if slice_key != WHOLE_DAY and self._aggregates.days(project_id, model_id, days.start, days.end, limit=1):
            return "no_such_slice"
        return "not_processed"

    def _day_state(self, item: DayState, at_us: int) -> str:
        if item.done:
            return "done"
        if item.failed:
            return "failed"
        return "pending" if item.is_closed(self._settings, at_us) else "open"


def slice_key_of(dimension: str | None, value: str | None) -> SliceKey:
    """Return the slice that two query parameters select; without both, the whole day.

    Raises
    ------
    Unprocessable
        If only one of them is set.
    """
    if dimension is None and value is None:
        return WHOLE_DAY
    if dimension is None or value is None:
        field = "dimension" if dimension is None else "value"
        reason = "dimension and value come together or not at all"
        raise Unprocessable(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])
    return dimension, value
