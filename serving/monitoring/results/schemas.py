"""Answers about results. Features have the names that their events gave them, not the lake's."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from guard_core.columns import feature_name
from guard_core.days import from_microseconds
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import ModelDayStates
from guard_store.ingest.rejections import Rejections
from guard_store.monitoring.aggregates import Aggregate
from guard_store.monitoring.drift_reports import StoredReport
from guard_store.monitoring.performance import StoredPerformance
from serving.monitoring.results.naming import by_feature


class ModelView(BaseModel):
    """What there is of a model."""

    model_id: str
    events: int
    first_day: str
    last_day: str
    pending_days: int = Field(description="Days that are not processed with all their events, today's among them.")
    failed_days: int

    @classmethod
    def of(cls, news: ModelDayStates) -> "ModelView":
        """The view of a model's news."""
        return cls(
            model_id=news.model_id,
            events=news.events,
            first_day=news.first_day,
            last_day=news.last_day,
            pending_days=news.pending_days,
            failed_days=news.failed_days,
        )


class NewsView(BaseModel):
    """What a local day has received, and how far it is processed: a stage is done where it has reached `revision`."""

    day: str
    state: str = Field(description="`open` (not over yet), `pending`, `failed` or `done`.")
    events: int
    late: int
    duplicates: int
    rejected: int = Field(description="Rows turned away that arrived on this day; `/rejections` says why.")
    labels: int
    revision: int
    lake_revision: int
    profile_revision: int
    drift_revision: int
    performance_revision: int
    retrain_revision: int
    attempts: int
    error: str | None
    request_id: str | None
    changed_at: datetime

    @classmethod
    def of(cls, news: DayState, *, state: str, rejected: int) -> "NewsView":
        """The view of a day's news."""
        return cls(
            day=news.day,
            state=state,
            events=news.events,
            late=news.late,
            duplicates=news.duplicates,
            rejected=rejected,
            labels=news.labels,
            revision=news.revision,
            lake_revision=news.lake_revision,
            profile_revision=news.profile_revision,
            drift_revision=news.drift_revision,
            performance_revision=news.performance_revision,
            retrain_revision=news.retrain_revision,
            attempts=news.attempts,
            error=news.error,
            request_id=news.request_id,
            changed_at=from_microseconds(news.changed_us),
        )


class RejectionsView(BaseModel):
    """Rows that were turned away, by local day of arrival."""

    day: str
    model_id: str | None = Field(description="Null where it could not be read.")
    field: str
    count: int

    @classmethod
    def of(cls, rejections: Rejections) -> "RejectionsView":
        """The view of stored counts."""
        model_id = rejections.model_id or None
        return cls(day=rejections.day, model_id=model_id, field=rejections.field, count=rejections.count)


class _Computed(BaseModel):
    day: str
    revision: int = Field(description="The day's news that this was computed from.")
    run_id: str | None = Field(description="Dagster run that computed it.")
    computed_at: datetime


class MetricsView(_Computed):
    """A day's metrics, of the whole day or of one endpoint, model version or segment."""

    model_config = ConfigDict(extra="allow")

    dimension: str | None
    value: str | None
    count: int
    lake_version: int

    @classmethod
    def of(cls, aggregate: Aggregate) -> "MetricsView":
        """The view of a stored slice."""
        return cls(
            **{"count": aggregate.rows, **aggregate.metrics},
            day=aggregate.day,
            dimension=aggregate.dimension or None,
            value=aggregate.value if aggregate.dimension else None,
            lake_version=aggregate.lake_version,
            revision=aggregate.revision,
            run_id=aggregate.run_id,
            computed_at=from_microseconds(aggregate.computed_us),
        )


class PerformanceView(_Computed):
    """How good a day's predictions were, of the whole day or of one endpoint, model version or segment."""

    dimension: str | None
    value: str | None
    task: str | None = Field(description="`binary`, `multiclass` or `regression`.")
    events: int
    labelled: int
    coverage: float | None = Field(description="Share of the events that have a label.")
    baseline_id: str | None
    realised: dict[str, Any] | None = Field(description="From labels: each metric with its 95 % interval and n.")
    estimated: dict[str, Any] | None = Field(
        description="Without labels, from the baseline: each metric with its band."
    )
    check: dict[str, Any] | None = Field(description="The estimate of the labelled rows against what was realised.")
    lake_version: int

    @classmethod
    def of(cls, stored: StoredPerformance) -> "PerformanceView":
        """The view of a stored slice."""
        return cls(
            day=stored.day,
            dimension=stored.dimension or None,
            value=stored.value if stored.dimension else None,
            task=stored.task,
            events=stored.events,
            labelled=stored.labelled,
            coverage=stored.labelled / stored.events if stored.events else None,
            baseline_id=stored.baseline_id,
            **stored.report,
            lake_version=stored.lake_version,
            revision=stored.revision,
            run_id=stored.run_id,
            computed_at=from_microseconds(stored.computed_us),
        )


class ProfileView(BaseModel):
    """A day's profiles, by column."""

    day: str
    dimension: str | None
    value: str | None
    rows: int
    envelope: dict[str, dict[str, Any]]
    features: dict[str, dict[str, Any]]


class DriftView(_Computed):
    """A day's drift report: one verdict for the model, one for each column."""

    state: str
    reason: str | None
    baseline_id: str | None
    window_days: int = Field(description="Longest window that a verdict looked back, today included.")
    summary: dict[str, int] = Field(description="Number of columns by state.")
    drifted: list[str]
    warned: list[str]
    envelope: dict[str, dict[str, Any]] = Field(description="Verdicts on `y_pred`, `y_proba` and `latency_ms`.")
    features: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, stored: StoredReport) -> "DriftView":
        """The view of a stored report."""
        report = stored.report
        verdicts = {verdict["column"]: dict(verdict) for verdict in report.get("columns", ())}
        for verdict in verdicts.values():
            del verdict["column"]
        envelope, features = by_feature(verdicts)
        return cls(
            day=stored.day,
            state=stored.state,
            reason=report.get("reason"),
            baseline_id=stored.baseline_id,
            window_days=stored.window_days,
            summary=report.get("summary", {}),
            drifted=[feature_name(column) for column in report.get("drifted", ())],
            warned=[feature_name(column) for column in report.get("warned", ())],
            envelope=envelope,
            features=features,
            revision=stored.revision,
            run_id=stored.run_id,
            computed_at=from_microseconds(stored.computed_us),
        )
