"""The page of a local day: its verdicts, performance, metrics and state; where messages link to."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request, Response

from guard_core.alerting.links import of_day
from guard_core.names import display_name
from guard_store.projects.store import Project
from guard_store.retraining.reasons import objection_text, reason_text
from ml.monitoring.verdicts.report import STATES
from ml.retraining.promotion import PRIMARY
from serving.alerts.endpoints import Alerts
from serving.http.routing import ANALYST, KnownModelId, ProjectToRead
from serving.monitoring.results.days import DayInPath, Days
from serving.monitoring.results.endpoints import Results
from serving.monitoring.results.schemas import (
    DayStateView,
    DriftView,
    MetricsView,
    PerformanceView,
    SliceVerdictView,
)
from serving.monitoring.results.service import ResultsService, slice_key_of
from serving.pages import addresses
from serving.pages.models.day_sentences import day_sentence
from serving.pages.models.neighbours import day_after, day_before
from serving.pages.rendering import RendererDep
from serving.pages.routing import page_router
from serving.retraining.flags.endpoints import Flags

router = page_router()
_PRIMARY = {str(task): metric for task, metric in PRIMARY.items()}
_JSON = ("days", "metrics", "drift", "performance")
_ASSETS = {"Metrics": "daily_aggregates", "Drift": "drift_reports", "Performance": "performance"}


@dataclass(frozen=True, slots=True)
class _Day:
    """What the JSON routes have of a day; None where they have nothing."""

    state: DayStateView | None
    metrics: MetricsView | None
    drift: DriftView | None
    performance: PerformanceView | None

    @classmethod
    def read(cls, results: ResultsService, project: Project, model_id: str, day: str) -> "_Day":
        """Read the day as `/days`, `/metrics`, `/drift` and `/performance` do."""
        key, whole_day = (project, model_id, Days(day, day)), slice_key_of(None, None)
        pages = (
            results.day_states(*key, None, 1),
            results.metrics(*key, whole_day, None, 1),
            results.drift(*key, None, 1),
            results.performance(*key, whole_day, None, 1),
        )
        return cls(*(next(iter(page.items), None) for page in pages))  # type: ignore[arg-type]


@router.get("/projects/{project_id}/models/{model_id}/days/{day}", openapi_extra=ANALYST)
def show_day(
    request: Request,
    project: ProjectToRead,
    model_id: KnownModelId,
    day: DayInPath,
    results: Results,
    alerts: Alerts,
    flags: Flags,
    pages: RendererDep,
) -> Response:
    """Show all of one local day."""
    view = _Day.read(results, project, model_id, day)
    performance = view.performance
    primary = _PRIMARY.get((performance and performance.task) or "", "")
    address = partial(addresses.model, project.id, model_id)
    return pages.page(
        request,
        "models/day.html",
        project_id=project.id,
        model_id=model_id,
        day=day,
        view=view,
        sentence=day_sentence(day, view.state, view.drift, performance, primary),
        verdicts=_verdicts(view.drift),
        slices=_slices(view.drift),
        rows=_performance_rows(performance, primary),
        alerts=alerts.of_day(project.id, model_id, day),
        retrain=next(iter(flags.evaluations(project.id, model_id, Days(day, day), None, 1).items), None),
        reason_text=reason_text,
        objection_text=objection_text,
        before=_address_of(address, day_before(day)),
        after=_address_of(address, day_after(day)),
        json={name: f"/api/v1{address(name, start=day, end=day)}" for name in _JSON},
        dagster=_dagster_links(day),
        display_name=display_name,
    )


def _address_of(address: "partial[str]", day: str | None) -> str | None:
    return None if day is None else address("days", day)


def _dagster_links(day: str) -> dict[str, str]:
    return {name: target for title, asset in _ASSETS.items() for name, target in of_day(title, asset, day).items()}


def _verdicts(drift: DriftView | None) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the verdicts by column, the worst state first, then the largest effect in units of its threshold."""
    if drift is None:
        return []

    def urgency(item: tuple[str, Mapping[str, Any]]) -> tuple[int, float, str]:
        verdict = item[1]
        return STATES.index(verdict["state"]), -(verdict["effect"] or 0) / (verdict["drift_threshold"] or 1), item[0]

    return sorted([*drift.features.items(), *drift.envelope.items()], key=urgency)


def _slices(drift: DriftView | None) -> list[SliceVerdictView]:
    """Return the verdicts by slice, the worst state first, then the largest slice."""
    slices = [] if drift is None else drift.slices
    return sorted(slices, key=lambda part: (STATES.index(part.state), -part.m, part.dimension, part.value))


def _performance_rows(performance: PerformanceView | None, primary: str) -> list[dict[str, Any]]:
    """Return realised, estimated and checked values by metric, the primary one first."""
    if performance is None:
        return []
    parts = {
        name: (part or {}).get("metrics") or {}
        for name, part in (
            ("realised", performance.realised),
            ("estimated", performance.estimated),
            ("check", performance.check),
        )
    }
    names = dict.fromkeys([primary, *parts["realised"], *parts["estimated"]])
    return [
        {"name": name, **{part: metrics.get(name) for part, metrics in parts.items()}}
        for name in names
        if any(name in metrics for metrics in parts.values())
    ]
