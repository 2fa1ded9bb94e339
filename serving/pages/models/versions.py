"""Pages of a model's versions: all, one with its curves and cards, two compared; forms to promote and reject."""

import itertools
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from markupsafe import Markup
from starlette.responses import RedirectResponse

from guard_core.alerting.links import Addresses, of_run, of_training_run, of_version
from guard_core.days import local_days, microseconds
from guard_core.formats import day as day_text
from guard_core.names import display_name
from guard_store.projects.store import Project
from guard_store.retraining.reasons import reason_text
from ml.charts.curves import EVALUATION_CURVES, CurveChart, XYCurve
from serving.auth.security import Caller
from serving.http.routing import ADMIN, ANALYST, ActorDep, ModelId, ProjectToChange, ProjectToRead
from serving.pages import addresses
from serving.pages.forms import read_reason
from serving.pages.markdown import render_markdown
from serving.pages.rendering import RendererDep
from serving.pages.routing import Form, page_router
from serving.retraining.flags.endpoints import Flags
from serving.retraining.versions.endpoints import QueriedVersion, Version, Versions
from serving.retraining.versions.schemas import DecisionView, ModelCurves, VersionView

router = page_router()
_MODEL = "/projects/{project_id}/models/{model_id}"
_MAX_DECISIONS = 1_000


@router.get(_MODEL + "/versions", openapi_extra=ANALYST)
def show_versions(
    request: Request, project: ProjectToRead, model_id: ModelId, versions: Versions, pages: RendererDep
) -> Response:
    """Show all versions of a model, newest first."""
    items = versions.versions(project.id, model_id)
    decisions = _newest_by_version(versions.decisions(project.id, model_id, _MAX_DECISIONS).items)
    champion = next((item for item in items if "champion" in item.aliases), None)
    return pages.page(
        request,
        "versions.html",
        project=project,
        model_id=model_id,
        versions=items,
        champion=champion,
        decisions=decisions,
        headline=headline(project, items, decisions),
        primary=primary_metric,
        links=_links,
    )


@router.get(_MODEL + "/versions/{version}", openapi_extra=ANALYST)
def show_version(
    request: Request,
    project: ProjectToRead,
    model_id: ModelId,
    version: Version,
    versions: Versions,
    flags: Flags,
    pages: RendererDep,
    caller: Caller,
) -> Response:
    """Show a version: metrics, curves, decision, training data and cards."""
    detail = versions.detail(project.id, model_id, version)
    curves = versions.curves(project.id, model_id, version).models
    flag = next(
        (flag for flag in flags.newest(project.id, model_id, _MAX_DECISIONS).items if flag.id == detail.flag_id), None
    )
    return pages.page(
        request,
        "version.html",
        project=project,
        model_id=model_id,
        detail=detail,
        flag=flag,
        headline=version_headline(project, detail, detail.decisions),
        charts=draw_curves(
            {f"v{version}" if name == "candidate" else name: model_curves for name, model_curves in curves.items()}
        ),
        other=next((name for name in curves if name != "candidate"), None),
        champion=next(
            (item.version for item in versions.versions(project.id, model_id) if "champion" in item.aliases), None
        ),
        is_admin=caller.role == "admin",
        display_name=display_name,
        reason_text=reason_text,
        markdown=render_markdown,
        links=_links,
    )


@router.post(_MODEL + "/versions/{version}/promote", openapi_extra=ADMIN)
def promote_version(
    project: ProjectToChange, model_id: ModelId, version: Version, form: Form, versions: Versions, actor: ActorDep
) -> Response:
    """Make a version the champion."""
    versions.promote(project.id, model_id, version, read_reason(form), actor)
    return _back_to(project, model_id, version)


@router.post(_MODEL + "/versions/{version}/reject", openapi_extra=ADMIN)
def reject_version(
    project: ProjectToChange, model_id: ModelId, version: Version, form: Form, versions: Versions, actor: ActorDep
) -> Response:
    """Reject a version."""
    versions.reject(project.id, model_id, version, read_reason(form), actor)
    return _back_to(project, model_id, version)


@router.get(_MODEL + "/comparison", openapi_extra=ANALYST)
def show_comparison(
    request: Request,
    project: ProjectToRead,
    model_id: ModelId,
    versions: Versions,
    pages: RendererDep,
    a: QueriedVersion,
    b: QueriedVersion,
) -> Response:
    """Show two versions metric by metric, and their curves over each other."""
    comparison = versions.compare(project.id, model_id, a, b)
    curves = {number: versions.curves(project.id, model_id, number).models.get("candidate") for number in (b, a)}
    return pages.page(
        request,
        "comparison.html",
        project=project,
        model_id=model_id,
        comparison=comparison,
        charts=draw_curves({f"v{number}": found for number, found in curves.items() if found is not None}),
        without_curves=[number for number in (a, b) if curves[number] is None],
        display_name=display_name,
    )


def headline(project: Project, items: Sequence[VersionView], decisions: Mapping[str, DecisionView]) -> str:
    """Return the sentence that answers which version serves, and what became of the newest."""
    if not items:
        return "No version has been trained yet"
    champion = next((item for item in items if "champion" in item.aliases), None)
    parts = ["No version serves" if champion is None else _serving(project, champion, decisions.get(champion.version))]
    newest = items[0]
    if newest is not champion:
        parts.append(f"v{newest.version} {_outcome(newest, decisions.get(newest.version))}")
    return "; ".join(parts)


def version_headline(project: Project, version: VersionView, decisions: Sequence[DecisionView]) -> str:
    """Return the sentence that answers what a version is, and why."""
    newest = decisions[0] if decisions else None
    if "champion" in version.aliases:
        return _serving(project, version, newest)
    return f"v{version.version} {_outcome(version, newest)}"


def primary_metric(version: VersionView) -> tuple[str, Mapping[str, Any]] | None:
    """Return the name and the value of the metric that decides by the version's task."""
    metrics = version.metrics or {}
    name = next((name for name in ("roc_auc", "mae", "accuracy") if name in metrics), None)
    return None if name is None else (display_name(name), metrics[name])


def draw_curves(models: Mapping[str, ModelCurves]) -> list[tuple[str, Markup]]:
    """Return title and chart of each curve that a model has; the first model is drawn as the current one."""
    charts = []
    for field, title, x_title, y_title, is_share, diagonal in EVALUATION_CURVES:
        curves = [
            XYCurve(name, css, curve.x, curve.y, curve.rows or ())
            for (name, model), css in zip(models.items(), ("current", "reference"), strict=False)
            if (curve := getattr(model, field)) is not None
        ]
        chart = CurveChart(f"{title} of {', '.join(models)}", curves, x_title, y_title, is_share, diagonal)
        if curves:
            charts.append((title, chart.draw()))
    residuals = [
        XYCurve(name, css, *_density(model.residuals.edges, model.residuals.rows))
        for (name, model), css in zip(models.items(), ("current", "reference"), strict=False)
        if model.residuals is not None
    ]
    if residuals:
        label = f"Residuals of {', '.join(models)}"
        charts.append(
            (
                "Residuals",
                CurveChart(label, residuals, "label minus prediction", "share of rows", is_share=False).draw(),
            )
        )
    return charts


def _density(edges: Sequence[float], rows: Sequence[int]) -> tuple[list[float], list[float]]:
    middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
    return middles, [count / max(1, sum(rows)) for count in rows]


def _serving(project: Project, champion: VersionView, decision: DecisionView | None) -> str:
    """Return since when the champion serves: a promotion by the rule counts from the instant whose data it used."""
    if decision is None:
        return f"v{champion.version} serves"
    at_us = microseconds(decision.decided_at)
    if decision.decided_by == "rule" and decision.action == "promoted" and champion.data is not None:
        at_us = champion.data["as_of_us"]
    return f"v{champion.version} serves since {day_text(local_days(project.timezone).of(at_us))}"


def _outcome(version: VersionView, decision: DecisionView | None) -> str:
    reason = None if decision is None else decision.reason.partition(":")[0]
    if decision is None:
        return "awaits a decision" if version.promoted is None else f"is not the champion: {'; '.join(version.reasons)}"
    if version.probation is not None and version.probation.state == "rolled_back":
        return f"was rolled back: worse than v{version.probation.against} on probation"
    if decision.action == "rejected":
        return f"was rejected: {reason}"
    return "served before" if decision.action in {"promoted", "rolled_back"} else f"was {decision.action}: {reason}"


def _newest_by_version(decisions: Sequence[DecisionView]) -> dict[str, DecisionView]:
    return {decision.version: decision for decision in reversed(decisions) if decision.version is not None}


def _links(servers: Addresses, project: Project, model_id: str, version: VersionView) -> dict[str, str]:
    """Return the addresses of a version in the servers of other programs."""
    links = {
        name: target for name, target in of_version(project.id, model_id, version.version).items() if "MLflow" in name
    }
    if version.mlflow_run_id is not None:
        links |= of_training_run(version.mlflow_run_id)
    if version.dagster_run_id is not None:
        links |= of_run(version.dagster_run_id)
    return servers.urls(links)


def _back_to(project: Project, model_id: str, version: str) -> Response:
    return RedirectResponse(addresses.model(project.id, model_id, "versions", version), HTTPStatus.SEE_OTHER)
