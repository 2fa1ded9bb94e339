"""Costs of a project as they are read, judged and pulled. How money becomes units is in `units.py`."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from guard_core.days import local_days, now_us
from guard_store.costs.language_models import sum_language_models
from guard_store.costs.pull import CostPull, pull_aws
from guard_store.costs.rows import CostDay, Metric, PullState
from guard_store.costs.store import CostStore, Series
from guard_store.projects.store import Project
from ml.costs.anomaly import cost_anomaly
from ml.costs.forecast import month_forecast
from ml.costs.usual import WINDOW_WEEKS
from serving.costs.schemas import AnomalyView, CostDayView, FailedDay, ForecastsView, ForecastView, PullView, SourceView
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import Unprocessable
from serving.monitoring.results.days import Days
from serving.services import Services

MOST_DAYS = 92
_REQUEST_USD = Decimal("0.01")


def days(services: Services, project: Project, wanted: Days, cursor: str | None, limit: int) -> Page[CostDayView]:
    """A page of local days."""
    names = page_of_days(services, project, wanted, cursor, limit)
    shown = {view.day: view for view in _views(services, project, names[:limit])}
    return page_of(names, limit, position=lambda day: day, item=lambda day: shown[day], state=lambda: "not_pulled")


def page_of_days(services: Services, project: Project, wanted: Days, cursor: str | None, limit: int) -> list[str]:
    """The days of a page, and one more where there is one."""
    after = decode_cursor(cursor, str, "")
    return CostStore(services.database).pulled_days(project.id, wanted.start, wanted.end, after=after, limit=limit + 1)


def pull(
    services: Services, project: Project, day: str | None, start: str | None, end: str | None, *, overwrite: bool
) -> tuple[PullView, CostPull]:
    """Ask AWS for days of a project, and sum its calls of language models on them."""
    wanted = _days_to_pull(services, project, day, start, end)
    outcome = pull_aws(services.database, services.settings, [project], wanted, overwrite=overwrite)
    sum_language_models(services.database, wanted, project_id=project.id)
    reasons = list(dict.fromkeys(outcome.failed.values()))
    view = PullView(
        project_id=project.id,
        start=wanted[0].isoformat(),
        end=wanted[-1].isoformat(),
        state=_state(outcome),
        reason=reasons[0] if reasons else None,
        requests=outcome.requests,
        requests_cost_usd=outcome.requests * _REQUEST_USD,
        kept=[day for _, day in outcome.kept],
        failed=[FailedDay(day=day, reason=reason) for (_, day), reason in outcome.failed.items()],
        days=_views(services, project, [day.isoformat() for day in wanted]),
    )
    return view, outcome


def forecast(
    services: Services, project: Project, as_of: str | None, metric: Metric, confidence: float
) -> ForecastsView:
    """What the month of a day comes to; of yesterday's, unless a day is named."""
    yesterday = _today(project) - timedelta(days=1)
    last = yesterday if as_of is None else _known_day(services, project, "day", as_of)
    first = min(last - timedelta(weeks=WINDOW_WEEKS), last.replace(day=1))
    series = _series(services, project, first, last, metric)
    return ForecastsView(
        project_id=project.id,
        month=f"{last:%Y-%m}",
        as_of=last.isoformat(),
        confidence=confidence,
        items=[
            ForecastView.of(source, currency, month_forecast(costs, last, confidence))
            for (source, currency), costs in sorted(series.items())
        ],
    )


def _views(services: Services, project: Project, names: Sequence[str]) -> list[CostDayView]:
    if not names:
        return []
    first, last = date.fromisoformat(min(names)), date.fromisoformat(max(names))
    series = _series(services, project, first - timedelta(weeks=WINDOW_WEEKS), last)
    found = CostStore(services.database).days(project.id, first.isoformat(), last.isoformat())
    views = []
    for day, group in groupby((one for one in found if one.day in set(names)), key=lambda one: one.day):
        of_day = list(group)
        views.append(CostDayView.of(day, of_day, [SourceView.of(one, _anomalies(one, series)) for one in of_day]))
    return views


def _series(services: Services, project: Project, first: date, last: date, metric: Metric = "unblended") -> Series:
    return CostStore(services.database).series(project.id, first.isoformat(), last.isoformat(), metric)


def _anomalies(day: CostDay, series: Series) -> list[AnomalyView]:
    at = date.fromisoformat(day.day)
    return [
        AnomalyView.of(currency, cost_anomaly(costs, at, estimated=not day.is_final))
        for (source, currency), costs in sorted(series.items())
        if source == day.source
    ]


def _days_to_pull(
    services: Services, project: Project, day: str | None, start: str | None, end: str | None
) -> list[date]:
    if (day is None) == (start is None) or (start is None) != (end is None):
        raise _wrong("day", "name either a day, or a start and an end")
    first = _known_day(services, project, "day" if day else "start", day or start or "")
    last = _known_day(services, project, "day" if day else "end", day or end or "")
    if first > last:
        raise _wrong("start", f"{first} is after end, {last}")
    if (last - first).days >= MOST_DAYS:
        raise _wrong("end", f"more than {MOST_DAYS} days at once")
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _known_day(services: Services, project: Project, field: str, text: str) -> date:
    day, first = date.fromisoformat(text), services.settings.ingest.first_day
    if day < first:
        raise _wrong(field, f"{day} is before the first day, {first}")
    if day > _today(project):
        raise _wrong(field, f"{day} has not begun in {project.timezone}")
    return day


def _state(outcome: CostPull) -> PullState:
    if not outcome.failed:
        return "partial" if any(day.state != "ok" for day in outcome.read) else "ok"
    return "partial" if outcome.read or outcome.kept else "unavailable"


def _today(project: Project) -> date:
    return local_days(project.timezone).of(now_us())


def _wrong(field: str, reason: str) -> Unprocessable:
    return Unprocessable(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])
