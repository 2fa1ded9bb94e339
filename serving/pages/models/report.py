"""The monthly report of a model: a page that prints on A4, and one self-contained file for mails and archives."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request, Response
from markupsafe import Markup
from starlette.responses import HTMLResponse

from guard_core.formats import compact
from guard_core.names import display_name
from guard_store.alerts.outbox import Attachment, Delivery
from guard_store.alerts.tables import REPORT
from guard_store.projects.store import Project, ProjectStore
from ml.charts.bars import Bars, bar_chart
from ml.charts.lines import DayMark, Line, LineChart
from serving.alerts.senders.base import DeliveryError
from serving.http.dependencies import part
from serving.http.problems import NotFound
from serving.http.routing import ANALYST, KnownModelId, ProjectToRead
from serving.monitoring.features.service import FeatureService
from serving.monitoring.results.days import Days
from serving.pages import addresses
from serving.pages.models.day_sentences import feature_sentence
from serving.pages.rendering import Renderer, RendererDep
from serving.pages.routing import page_router
from serving.reports.months import QueriedMonth
from serving.reports.schemas import ModelReport
from serving.reports.sentences import month_name
from serving.reports.service import ReportService

router = page_router()


class ReportDocuments:
    """Monthly reports as documents: what a page or a file shows, and the file itself."""

    def __init__(
        self, reports: ReportService, features: FeatureService, projects: ProjectStore, renderer: Renderer
    ) -> None:
        self._projects = projects
        self._reports = reports
        self._features = features
        self._renderer = renderer

    def context(self, project: Project, model_id: str, month: str | None) -> dict[str, Any]:
        """Return what the templates of a report show.

        Raises
        ------
        NotFound
            If the model has no events.
        """
        report = self._reports.read(project, model_id, month)
        return {
            "report": report,
            "month_name": month_name,
            "performance": _performance_chart(report),
            "volume": _volume_chart(report),
            "worst": self._worst_sentence(project, report),
            "display_name": display_name,
        }

    def file(self, project: Project, model_id: str, month: str | None) -> tuple[str, str]:
        """Return the name and the text of a report as one HTML file.

        Raises
        ------
        NotFound
            If the model has no events.
        """
        return self._render_file(self.context(project, model_id, month))

    def complete(self, delivery: Delivery) -> Delivery:
        """Add the sentence and the file of a report to the message that announces it; return other messages as they are.

        Raises
        ------
        DeliveryError
            If the project or the model does not exist any more.
        """
        if delivery.payload["state"] != REPORT:
            return delivery
        project = self._projects.get(delivery.project_id)
        if project is None:
            raise DeliveryError(f"there is no project {delivery.project_id!r} any more")
        try:
            context = self.context(project, delivery.model_id, str(delivery.payload["month"]))
        except NotFound as problem:
            raise DeliveryError(problem.detail) from problem
        name, text = self._render_file(context)
        body = f"{context['report'].sentence}.\n\n{delivery.body}"
        return replace(delivery, body=body, attachment=Attachment(name, text))

    def _render_file(self, context: dict[str, Any]) -> tuple[str, str]:
        report: ModelReport = context["report"]
        name = f"{report.project_id}-{report.model_id}-{report.month}.html"
        return name, self._renderer.document("models/report_file.html", **context)

    def _worst_sentence(self, project: Project, report: ModelReport) -> str | None:
        worst = report.drift.worst
        if worst is None:
            return None
        days = Days(worst.day, worst.day)
        return feature_sentence(self._features.read(project, report.model_id, worst.day, worst.column, days))


ReportDocumentsDep = Annotated[ReportDocuments, Depends(part(ReportDocuments))]


@router.get("/projects/{project_id}/models/{model_id}/report", openapi_extra=ANALYST)
def show_report(
    request: Request,
    pages: RendererDep,
    documents: ReportDocumentsDep,
    project: ProjectToRead,
    model_id: KnownModelId,
    month: QueriedMonth = None,
    download: Annotated[Literal["1"] | None, Query(description="`1` sends one self-contained file.")] = None,
) -> Response:
    """Show a month of a model, or send it as a file."""
    if download:
        name, text = documents.file(project, model_id, month)
        return HTMLResponse(text, headers={"Content-Disposition": f'attachment; filename="{name}"'})
    return pages.page(request, "models/report.html", **documents.context(project, model_id, month))


def _performance_chart(report: ModelReport) -> Markup:
    measured = report.performance
    if measured is None:
        return Markup("")
    realised, estimated = measured.daily_realised, measured.daily_estimated
    lines = [
        Line("baseline", "baseline", measured.daily_baseline),
        Line("estimated", "estimated", estimated.values, estimated.low, estimated.high),
        Line("realised", "realised", realised.values, realised.low, realised.high),
    ]
    label = f"{display_name(measured.metric)} of {report.model_id} by day"
    return LineChart(label, measured.days, lines, _marks(report), href=_day_link(report), height=220.0).draw()


def _marks(report: ModelReport) -> list[DayMark]:
    key = report.project_id, report.model_id
    return [
        DayMark(
            mark.day,
            f"v{mark.name} ✕" if mark.kind == "rejected" else f"v{mark.name}",
            mark.kind,
            f"v{mark.name} {mark.kind.replace('_', ' ')}: {mark.text}",
            addresses.model(*key, "versions", mark.name),
        )
        for mark in report.versions
        if mark.kind in {"promoted", "rejected", "rolled_back"}
    ]


def _volume_chart(report: ModelReport) -> Markup:
    volume = report.volume
    parts = [Bars("events", "part-0", volume.daily_events), Bars("rejected", "part-4", volume.daily_rejected)]
    label = f"Events of {report.model_id} by day"
    return bar_chart(label, volume.days, parts, text=compact, href=_day_link(report))


def _day_link(report: ModelReport) -> Callable[[str], str]:
    return addresses.model_days(report.project_id, report.model_id)
