"""Services behind the cost routes: read costs with their anomalies, forecast them, pull them from AWS.

Unit costs are computed in `units`; the statistics are in `ml.costs`.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from guard_core.days import local_days, now_us
from guard_core.settings import Settings
from guard_core.units import NANO
from guard_store.costs.language_models import sum_language_models
from guard_store.costs.pull import CostPull, pull_aws
from guard_store.costs.rows import CostDay, Metric, PullState
from guard_store.costs.store import CostStore, Series
from guard_store.db.database import Database
from guard_store.projects.store import Project
from guard_store.spending.usage import UsageStore
from ml.costs.anomaly import cost_anomaly
from ml.costs.forecast import month_forecast
from ml.costs.usual import WINDOW_WEEKS
from serving.costs.schemas import (
    AnomalyView,
    CostDayView,
    FailedDay,
    ForecastsView,
    ForecastView,
    MonthView,
    PullView,
    ServiceMonthView,
    SourceView,
    UnitDayView,
)
from serving.costs.units import UnitCosts
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import Unprocessable
from serving.monitoring.results.days import Days

MOST_DAYS = 92
_REQUEST_USD = Decimal("0.01")


class CostService:
    """Read, forecast and pull the costs of projects."""

    def __init__(
        self, costs: CostStore, units: UnitCosts, usage: UsageStore, database: Database, settings: Settings
    ) -> None:
        self._costs = costs
        self._usage = usage
        self._units = units
        self._database = database
        self._settings = settings

    def days(self, project: Project, days: Days, cursor: str | None, limit: int) -> Page[CostDayView]:
        """Return a page of the costs of each local day, by source and service."""
        names = self._page_of_days(project, days, cursor, limit)
        views = {view.day: view for view in self._views(project, names[:limit])}
        return page_of(names, limit, position=lambda day: day, item=lambda day: views[day], state=lambda: "not_pulled")

    def unit_days(
        self, project: Project, days: Days, metric: Metric, cursor: str | None, limit: int
    ) -> Page[UnitDayView]:
        """Return a page of the unit costs of each local day."""
        names = self._page_of_days(project, days, cursor, limit)
        views = self._units.by_day(project, names[:limit], metric)
        return page_of(names, limit, position=lambda day: day, item=lambda day: views[day], state=lambda: "not_pulled")

    def _page_of_days(self, project: Project, days: Days, cursor: str | None, limit: int) -> list[str]:
        """Return the days of a page, plus one more if there is a next page."""
        after = decode_cursor(cursor, str, "")
        return self._costs.pulled_days(project.id, days.start, days.end, after=after, limit=limit + 1)

    def pull(
        self, project: Project, day: str | None, start: str | None, end: str | None, *, overwrite: bool
    ) -> tuple[PullView, CostPull]:
        """Pull days of a project from AWS, and sum the costs of its calls of language models on these days."""
        days = self._days_to_pull(project, day, start, end)
        outcome = pull_aws(self._database, self._settings, [project], days, overwrite=overwrite)
        sum_language_models(self._database, days, project_id=project.id)
        reasons = list(dict.fromkeys(outcome.failed.values()))
        view = PullView(
            project_id=project.id,
            start=days[0].isoformat(),
            end=days[-1].isoformat(),
            state=_state(outcome),
            reason=reasons[0] if reasons else None,
            requests=outcome.requests,
            requests_cost_usd=outcome.requests * _REQUEST_USD,
            kept=[day for _, day in outcome.kept],
            failed=[FailedDay(day=day, reason=reason) for (_, day), reason in outcome.failed.items()],
            days=self._views(project, [day.isoformat() for day in days]),
        )
        return view, outcome

    def forecast(self, project: Project, as_of: str | None, metric: Metric, confidence: float) -> ForecastsView:
        """Forecast the costs of the month that contains `as_of`, by default yesterday."""
        yesterday = _today(project) - timedelta(days=1)
        last = yesterday if as_of is None else self._checked_day(project, "day", as_of)
        first = min(last - timedelta(weeks=WINDOW_WEEKS), last.replace(day=1))
        series = self._series(project, first, last, metric)
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

    def month(self, project: Project | None) -> MonthView:
        """Return the costs of the present month of a project, or of all projects on the server's local days."""
        project_id = None if project is None else project.id
        today = local_days(self._settings.server.timezone if project is None else project.timezone).of(now_us())
        first, yesterday = today.replace(day=1), today - timedelta(days=1)
        by_day = self._llm_costs(project_id, min(first, today - timedelta(weeks=WINDOW_WEEKS)), today)
        over = {day: cost for day, cost in by_day.items() if day < today}  # today's costs are still rising
        forecast = month_forecast(over, today)
        totals = self._costs.service_totals(first.isoformat(), today.isoformat(), "aws", project_id)
        return MonthView(
            project_id=project_id,
            month=f"{today:%Y-%m}",
            as_of=yesterday.isoformat(),
            llm_usd=sum((cost for day, cost in by_day.items() if day >= first), Decimal(0)),
            llm=ForecastView.of("llm", "USD", forecast),
            aws=[
                ServiceMonthView(
                    project_id=owner, service=service, currency=currency, unblended=unblended, amortised=amortised
                )
                for (owner, service, currency), (unblended, amortised) in sorted(
                    totals.items(), key=lambda item: (-item[1][0], item[0])
                )
            ],
        )

    def _llm_costs(self, project_id: str | None, first: date, last: date) -> dict[date, Decimal]:
        """Return the cost of calls by day, from the first day with a call; after it, a day without calls costs nothing."""
        rows = self._usage.read(["day"], first=first, last=last, project_id=project_id, limit=None)
        costs = {date.fromisoformat(row.day or ""): Decimal(row.cost_nano_usd) / NANO for row in rows}
        if not costs:
            return {}
        begin = min(costs)
        days = [begin + timedelta(offset) for offset in range((last - begin).days + 1)]
        return {day: costs.get(day, Decimal(0)) for day in days}

    def _views(self, project: Project, names: Sequence[str]) -> list[CostDayView]:
        if not names:
            return []
        first, last = date.fromisoformat(min(names)), date.fromisoformat(max(names))
        series = self._series(project, first - timedelta(weeks=WINDOW_WEEKS), last)
        cost_days = self._costs.days(project.id, first.isoformat(), last.isoformat())
        views = []
        for day, group in groupby((part for part in cost_days if part.day in set(names)), key=lambda part: part.day):
            parts = list(group)
            views.append(CostDayView.of(day, parts, [SourceView.of(part, _anomalies(part, series)) for part in parts]))
        return views

    def _series(self, project: Project, first: date, last: date, metric: Metric = "unblended") -> Series:
        return self._costs.series(project.id, first.isoformat(), last.isoformat(), metric)

    def _days_to_pull(self, project: Project, day: str | None, start: str | None, end: str | None) -> list[date]:
        if (day is None) == (start is None) or (start is None) != (end is None):
            raise _unprocessable("day", "name either a day, or a start and an end")
        first = self._checked_day(project, "start" if day is None else "day", day or start or "")
        last = self._checked_day(project, "end" if day is None else "day", day or end or "")
        if first > last:
            raise _unprocessable("start", f"{first} is after end, {last}")
        if (last - first).days >= MOST_DAYS:
            raise _unprocessable("end", f"more than {MOST_DAYS} days at once")
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]

    def _checked_day(self, project: Project, field: str, text: str) -> date:
        day, first = date.fromisoformat(text), self._settings.ingest.first_day
        if day < first:
            raise _unprocessable(field, f"{day} is before the first day, {first}")
        if day > _today(project):
            raise _unprocessable(field, f"{day} has not begun in {project.timezone}")
        return day


def _anomalies(day: CostDay, series: Series) -> list[AnomalyView]:
    at = date.fromisoformat(day.day)
    return [
        AnomalyView.of(currency, cost_anomaly(costs, at, estimated=not day.is_final))
        for (source, currency), costs in sorted(series.items())
        if source == day.source
    ]


def _state(outcome: CostPull) -> PullState:
    if not outcome.failed:
        return "partial" if any(day.state != "ok" for day in outcome.read) else "ok"
    return "partial" if outcome.read or outcome.kept else "unavailable"


def _today(project: Project) -> date:
    return local_days(project.timezone).of(now_us())


def _unprocessable(field: str, reason: str) -> Unprocessable:
    return Unprocessable(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])
