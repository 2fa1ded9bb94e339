"""Responses about results. Features have their names from the events, not those of the lake's columns."""

from collections.abc import Iterable, Mapping
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
from ml.monitoring.verdicts.report import State
from serving.monitoring.results.naming import by_feature


class ModelView(BaseModel):
    """A model that has events, with the extent of its data."""

    model_id: str
    events: int
    first_day: str
    last_day: str
    pending_days: int = Field(description="Days whose events are not all processed yet, including today.")
    failed_days: int

    @classmethod
    def of(cls, model: ModelDayStates) -> "ModelView":
        """Convert the summary of a model's day states."""
        return cls(
            model_id=model.model_id,
            events=model.events,
            first_day=model.first_day,
            last_day=model.last_day,
            pending_days=model.pending_days,
            failed_days=model.failed_days,
        )


class DayStateView(BaseModel):
    """The state of a local day: what it has received and how far it is processed. A stage is done when it reaches `revision`."""

    day: str
    state: str = Field(description="`open` (not over yet), `pending`, `failed` or `done`.")
    events: int
    late: int
    duplicates: int
    rejected: int = Field(description="Rejected rows that arrived on this day; `/rejections` gives the reasons.")
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
    def of(cls, day_state: DayState, *, state: str, rejected: int) -> "DayStateView":
        """Convert a stored day state."""
        return cls(
            day=day_state.day,
            state=state,
            events=day_state.events,
            late=day_state.late,
            duplicates=day_state.duplicates,
            rejected=rejected,
            labels=day_state.labels,
            revision=day_state.revision,
            lake_revision=day_state.lake_revision,
            profile_revision=day_state.profile_revision,
            drift_revision=day_state.drift_revision,
            performance_revision=day_state.performance_revision,
            retrain_revision=max(day_state.retrain_revision, 0),
            attempts=day_state.attempts,
            error=day_state.error,
            request_id=day_state.request_id,
            changed_at=from_microseconds(day_state.changed_us),
        )


class RejectionsView(BaseModel):
    """Counts of rejected rows, by local day of arrival."""

    day: str
    model_id: str | None = Field(description="Null if it could not be read.")
    field: str
    count: int

    @classmethod
    def of(cls, rejections: Rejections) -> "RejectionsView":
        """Convert stored counts."""
        model_id = rejections.model_id or None
        return cls(day=rejections.day, model_id=model_id, field=rejections.field, count=rejections.count)


class _Computed(BaseModel):
    day: str
    revision: int = Field(description="Revision of the day that this was computed from.")
    run_id: str | None = Field(description="Dagster run that computed it.")
    computed_at: datetime


class MetricsView(_Computed):
    """Metrics of a day, for the whole day or one endpoint, model version or segment."""

    model_config = ConfigDict(extra="allow")

    dimension: str | None
    value: str | None
    count: int
    lake_version: int

    @classmethod
    def of(cls, aggregate: Aggregate) -> "MetricsView":
        """Convert a stored slice."""
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
    """Performance of a day's predictions, for the whole day or one endpoint, model version or segment."""

    dimension: str | None
    value: str | None
    task: str | None = Field(description="`binary`, `multiclass`, `ordinal` or `regression`.")
    positive_label: str | None = Field(None, description="The positive label of a binary task.")
    guessed: list[str] = Field(
        default_factory=list,
        description="`task` and `positive`, where the project's settings `labels` do not state them.",
    )
    events: int
    labelled: int
    coverage: float | None = Field(description="Share of the events that have a label.")
    baseline_id: str | None
    realised: dict[str, Any] | None = Field(description="From labels: each metric with its 95 % interval and n.")
    estimated: dict[str, Any] | None = Field(
        description="Without labels, from the baseline: each metric with its band."
    )
    check: dict[str, Any] | None = Field(
        description="The estimate for the labelled rows compared with the realised performance."
    )
    lake_version: int

    @classmethod
    def of(cls, stored: StoredPerformance) -> "PerformanceView":
        """Convert a stored slice."""
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
    """Profiles of a day, by column."""

    day: str
    dimension: str | None
    value: str | None
    rows: int
    envelope: dict[str, dict[str, Any]]
    features: dict[str, dict[str, Any]]


class SliceVerdictView(BaseModel):
    """The verdict on one slice of a day."""

    dimension: str
    value: str
    state: State
    reason: str
    rows: int = Field(description="Rows of the slice on this day.")
    n: int = Field(description="Rows of the slice in the longest window of its columns.")
    m: int = Field(description="Rows of the slice in the baseline.")
    window_days: int = Field(description="Days of that window, including this day.")
    drifted: list[str]
    warned: list[str]
    envelope: dict[str, dict[str, Any]] = Field(description="Verdicts on the columns that are `drift` or `warning`.")
    features: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "SliceVerdictView":
        """Convert a stored verdict."""
        verdicts = _by_column(stored["columns"])
        envelope, features = by_feature(verdicts)
        return cls(
            **{name: value for name, value in stored.items() if name != "columns"},
            drifted=_names_in("drift", verdicts),
            warned=_names_in("warning", verdicts),
            envelope=envelope,
            features=features,
        )


def _by_column(verdicts: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        verdict["column"]: {name: value for name, value in verdict.items() if name != "column"} for verdict in verdicts
    }


def _names_in(state: str, verdicts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [feature_name(column) for column, verdict in verdicts.items() if verdict["state"] == state]


class DriftView(_Computed):
    """Drift report of a day: one verdict for the model and one for each column."""

    state: str
    reason: str | None
    baseline_id: str | None
    window_days: int = Field(description="Longest window that a verdict was computed on, including this day.")
    summary: dict[str, int] = Field(description="Number of columns by state.")
    drifted: list[str]
    warned: list[str]
    envelope: dict[str, dict[str, Any]] = Field(description="Verdicts on `y_pred`, `y_proba` and `latency_ms`.")
    features: dict[str, dict[str, Any]]
    slices: list[SliceVerdictView] = Field(
        description="Verdicts on the slices that the setting `slices` declares; they do not count for `state`."
    )
    omitted_slices: int = Field(description="Number of slices that are not judged because there are too many.")

    @classmethod
    def of(cls, stored: StoredReport) -> "DriftView":
        """Convert a stored report."""
        report = stored.report
        envelope, features = by_feature(_by_column(report.get("columns", ())))
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
            slices=[SliceVerdictView.of(verdict) for verdict in report.get("slices", ())],
            omitted_slices=report.get("omitted_slices", 0),
            revision=stored.revision,
            run_id=stored.run_id,
            computed_at=from_microseconds(stored.computed_us),
        )
