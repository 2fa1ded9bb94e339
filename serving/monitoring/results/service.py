"""Reading a model's results, page by page, and saying why a page is empty."""

from collections import Counter

from guard_core.days import now_us
from guard_store.day_state.day_state import DayState
from guard_store.db.day_results import WHOLE_DAY
from guard_store.projects.store import Project
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import Unprocessable
from serving.monitoring.results.days import Days
from serving.monitoring.results.profiles import profile_columns
from serving.monitoring.results.schemas import (
    DriftView,
    MetricsView,
    ModelView,
    NewsView,
    PerformanceView,
    ProfileView,
    RejectionsView,
)
from serving.services import Services

SliceKey = tuple[str, str]


def models(services: Services, project: Project, cursor: str | None, limit: int) -> Page[ModelView]:
    """The models of a project."""
    after_id = decode_cursor(cursor, str, "")
    found = [news for news in services.news.models(project.id) if news.model_id > after_id]
    return page_of(
        found[: limit + 1], limit, position=lambda news: news.model_id, item=ModelView.of, state=lambda: "no_events"
    )


def news(
    services: Services, project: Project, model_id: str, days: Days, cursor: str | None, limit: int
) -> Page[NewsView]:
    """News by day."""
    after_day = decode_cursor(cursor, str, "")
    found = services.news.list(project.id, model_id, days.start, days.end, after_day=after_day, limit=limit + 1)
    rejected: Counter[str] = Counter()
    if found:
        for row in services.rejections.days(project.id, found[0].day, found[-1].day, model_id=model_id):
            rejected[row.day] += row.count
    now = now_us()

    def view(item: DayState) -> NewsView:
        return NewsView.of(item, state=_news_state(services, item, now), rejected=rejected[item.day])

    return page_of(found, limit, position=lambda item: item.day, item=view, state=lambda: "no_events")


def rejections(
    services: Services, project: Project, days: Days, cursor: str | None, limit: int
) -> Page[RejectionsView]:
    """Rejected rows by day, model and field."""
    after = decode_cursor(cursor, tuple[str, str, str], ("", "", ""))
    found = services.rejections.days(project.id, days.start, days.end, after=after, limit=limit + 1)
    return page_of(
        found,
        limit,
        position=lambda row: (row.day, row.model_id, row.field),
        item=RejectionsView.of,
        state=lambda: "no_rejections",
    )


def metrics(
    services: Services,
    project: Project,
    model_id: str,
    days: Days,
    slice_key: SliceKey,
    cursor: str | None,
    limit: int,
) -> Page[MetricsView]:
    """Metrics by day."""
    found = services.aggregates.days(
        project.id,
        model_id,
        days.start,
        days.end,
        slice_key,
        limit=limit + 1,
        after_day=decode_cursor(cursor, str, ""),
    )
    return page_of(
        found,
        limit,
        position=lambda aggregate: aggregate.day,
        item=MetricsView.of,
        state=lambda: _why_empty(services, project.id, model_id, days, slice_key),
    )


def slices(services: Services, project: Project, model_id: str, day: str) -> Page[MetricsView]:
    """Metrics of everything that a day is split by, the whole day first."""
    found = services.aggregates.slices(project.id, model_id, day)
    return page_of(
        found,
        len(found),
        position=lambda aggregate: aggregate.day,
        item=MetricsView.of,
        state=lambda: _why_empty(services, project.id, model_id, Days(day, day), WHOLE_DAY),
    )


def profiles(
    services: Services,
    project: Project,
    model_id: str,
    days: Days,
    slice_key: SliceKey,
    cursor: str | None,
    limit: int,
    *,
    detail: bool,
) -> Page[ProfileView]:
    """Profiles by day."""
    found = services.aggregates.profiles(
        project.id,
        model_id,
        days.start,
        days.end,
        slice_key,
        limit=limit + 1,
        after_day=decode_cursor(cursor, str, ""),
    )
    dimension, value = slice_key if slice_key != WHOLE_DAY else (None, None)

    def view(stored: tuple[str, bytes]) -> ProfileView:
        rows, envelope, features = profile_columns(stored[1], detail=detail)
        return ProfileView(
            day=stored[0], dimension=dimension, value=value, rows=rows, envelope=envelope, features=features
        )

    return page_of(
        list(found.items()),
        limit,
        position=lambda stored: stored[0],
        item=view,
        state=lambda: _why_empty(services, project.id, model_id, days, slice_key),
    )


def drift(
    services: Services, project: Project, model_id: str, days: Days, cursor: str | None, limit: int
) -> Page[DriftView]:
    """Drift reports by day."""
    found = services.drift_reports.days(
        project.id,
        model_id,
        days.start,
        days.end,
        limit=limit + 1,
        after_day=decode_cursor(cursor, str, ""),
    )

    def why_empty() -> str:
        state = _why_empty(services, project.id, model_id, days, WHOLE_DAY)
        has_baseline = bool(services.baselines.versions(project.id, model_id, limit=1))
        return state if has_baseline or state == "no_events" else "missing_baseline"

    return page_of(found, limit, position=lambda report: report.day, item=DriftView.of, state=why_empty)


def performance(
    services: Services,
    project: Project,
    model_id: str,
    days: Days,
    slice_key: SliceKey,
    cursor: str | None,
    limit: int,
) -> Page[PerformanceView]:
    """Performance by day."""
    after_day = decode_cursor(cursor, str, "")
    found = services.performance.days(
        project.id, model_id, days.start, days.end, slice_key, limit=limit + 1, after_day=after_day
    )

    def why_empty() -> str:
        news = services.news.list(project.id, model_id, days.start, days.end)
        if not news:
            return "no_events"
        return "no_labels" if all(item.done for item in news) else "not_processed"

    return page_of(found, limit, position=lambda one: one.day, item=PerformanceView.of, state=why_empty)


def slice_key_of(dimension: str | None, value: str | None) -> SliceKey:
    """The slice of two query parameters, the whole day without them.

    Raises
    ------
    Unprocessable
        Where only one of them is there.
    """
    if dimension is None and value is None:
        return WHOLE_DAY
    if dimension is None or value is None:
        field = "dimension" if dimension is None else "value"
        reason = "dimension and value come together or not at all"
        raise Unprocessable(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])
    return dimension, value


def _why_empty(services: Services, project_id: str, model_id: str, days: Days, slice_key: SliceKey) -> str:
    if not services.news.list(project_id, model_id, days.start, days.end, limit=1):
        return "no_events"
    if slice_key != WHOLE_DAY and services.aggregates.days(project_id, model_id, days.start, days.end, limit=1):
        return "no_such_slice"
    return "not_processed"


def _news_state(services: Services, item: DayState, at_us: int) -> str:
    if item.done:
        return "done"
    if item.failed:
        return "failed"
    return "pending" if item.is_closed(services.settings, at_us) else "open"
