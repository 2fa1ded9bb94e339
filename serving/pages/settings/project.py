"""The page of a project's settings: name, time zone, drift thresholds with a preview, alert policies."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse

from guard_core.alerting.words import describe_kind
from guard_core.formats import count
from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.drift_methods import DEFAULT_THRESHOLDS, Method
from guard_core.project_settings.project import settings_of_project
from guard_core.project_settings.retrain import RetrainSettings
from guard_core.project_settings.section import Section
from guard_store.projects.store import Project
from serving.alerts.endpoints import Policies
from serving.http.dependencies import RequestId, part
from serving.http.routing import ADMIN, ANALYST, ProjectToChange, ProjectToRead
from serving.monitoring.preview.endpoints import DAYS, PreviewDep
from serving.monitoring.preview.schemas import ThresholdPreview
from serving.monitoring.results.service import ResultsService
from serving.pages import addresses
from serving.pages.forms import validate_form
from serving.pages.rendering import RendererDep
from serving.pages.routing import Form, page_router
from serving.pages.settings.fields import setting_rows
from serving.projects.endpoints import Projects, change_project
from serving.projects.schemas import ProjectChange

_PROJECT: Final = "/settings/projects/{project_id}"
_SECTIONS: Final[Mapping[str, type[Section]]] = {"drift": DriftSettings, "retrain": RetrainSettings}
_LIMITS: Final = ("warning", "drift")
_MAX_MODELS: Final = 200

router = page_router()


class PreviewQuery(BaseModel):
    """The threshold to preview, and the model that it is previewed for."""

    model: str | None = None
    method: Method | None = None
    threshold: float | None = Field(None, gt=0, allow_inf_nan=False)


@router.get(_PROJECT, openapi_extra=ANALYST)
def show_project(
    request: Request,
    pages: RendererDep,
    project: ProjectToRead,
    policies: Policies,
    previews: PreviewDep,
    results: Annotated[ResultsService, Depends(part(ResultsService))],
    query: Annotated[PreviewQuery, Query()],
) -> Response:
    """Show the settings of a project; with a model and a threshold, preview it."""
    drift = settings_of_project(project.settings, DriftSettings)
    preview = None
    if query.model is not None and query.threshold is not None:
        preview = previews.preview(project, query.model, query.threshold, query.method, DAYS)
    return pages.page(
        request,
        "project_settings.html",
        project=project,
        sections={name: setting_rows(kind, project.settings.get(name, {})) for name, kind in _SECTIONS.items()},
        methods=sorted({drift.numeric_method, drift.categorical_method}, reverse=True),
        defaults=DEFAULT_THRESHOLDS,
        stored=project.settings.get("drift", {}).get("thresholds", {}),
        models=results.models(project, None, _MAX_MODELS).items,
        model=query.model,
        preview=preview,
        sentence=None if preview is None else preview_sentence(preview),
        policies=policies.in_force(project.id),
        describe_kind=describe_kind,
    )


@router.post(_PROJECT, openapi_extra=ADMIN)
def rename_project(project: ProjectToChange, projects: Projects, request_id: RequestId, form: Form) -> Response:
    """Change the name and the time zone of a project."""
    change = validate_form(ProjectChange, {name: form.get(name, "") for name in ("name", "timezone")})
    change_project(project, change, projects, request_id)
    return RedirectResponse(addresses.settings(project.id), HTTPStatus.SEE_OTHER)


@router.post(_PROJECT + "/thresholds", openapi_extra=ADMIN)
def change_thresholds(project: ProjectToChange, projects: Projects, request_id: RequestId, form: Form) -> Response:
    """Change drift thresholds of a project; an empty field has its default again."""
    change = validate_form(ProjectChange, {"settings": _with_thresholds(project, form)})
    change_project(project, change, projects, request_id)
    return RedirectResponse(f"{addresses.settings(project.id)}#thresholds", HTTPStatus.SEE_OTHER)


def _with_thresholds(project: Project, form: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of a project with the thresholds of a form, whose fields are `<method>.<limit>`."""
    drift = dict(project.settings.get("drift", {}))
    thresholds = dict(drift.get("thresholds", {}))
    for method in DEFAULT_THRESHOLDS:
        fields = {limit: form[f"{method}.{limit}"].strip() for limit in _LIMITS if f"{method}.{limit}" in form}
        if fields:
            thresholds[method] = {limit: _number(text) for limit, text in fields.items() if text}
    drift["thresholds"] = {method: limits for method, limits in thresholds.items() if limits}
    return {**project.settings, "drift": drift}


def _number(text: str) -> float | str:
    """Return a number, or the text as it is for the validation to name the field."""
    try:
        return float(text)
    except ValueError:
        return text


def preview_sentence(preview: ThresholdPreview) -> str:
    """Return what another threshold would have changed."""
    if not preview.days:
        return "There is no drift report yet to preview a threshold with."
    now, then = sum(preview.drift), sum(preview.drift_with_threshold)
    span = f"in the last {count(len(preview.days), 'day')} with a report"
    setting = f"With {preview.threshold:g} for {preview.method}"
    days = f"{count(then, 'drift day')} instead of {now}"
    if preview.alerts != preview.alerts_with_threshold:
        return f"{setting} you would have had {_change(preview.alerts, preview.alerts_with_threshold, 'alert')} {span}; {days}."
    if now == then:
        return f"{setting}, neither alerts nor drift days would have changed {span}: {preview.alerts} and {now}."
    return f"{setting} you would have had as many alerts {span}: {preview.alerts}; {days}."


def _change(now: int, then: int, noun: str) -> str:
    return f"{count(abs(then - now), noun)} {'more' if then > now else 'fewer'} ({then} instead of {now})"
