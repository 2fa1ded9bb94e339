"""The response of a monthly report. Lists of a series are aligned with its `days`."""

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, Field

from serving.monitoring.series.schemas import Band, Mark


class VolumeReport(BaseModel):
    """What arrived in the month."""

    events: int
    labels: int
    rejected: int
    days: list[str] = Field(description="Local days with events, oldest first.")
    daily_events: list[int]
    daily_rejected: list[int]
    days_without_events: list[str] = Field(
        description="Days of the month without events, between the model's first and newest day."
    )


class EstimateReport(BaseModel):
    """A metric over the days of the month, weighted by rows."""

    value: float
    low: float = Field(description="Lower bound of its 95 % interval.")
    high: float
    n: int = Field(description="Rows that it was measured on.")


class PerformanceReport(BaseModel):
    """The primary metric in the month."""

    metric: str = Field(description="`roc_auc`, `accuracy` or `mae`, by the task.")
    less_is_better: bool
    realised: EstimateReport | None = Field(description="From labels; null if no day is labelled.")
    estimated: EstimateReport | None = Field(description="Without labels; null if no day has an estimate.")
    baseline: float | None = Field(description="In the window of the month's newest baseline.")
    days: list[str]
    daily_realised: Band
    daily_estimated: Band
    daily_baseline: list[float | None]


class ColumnReport(BaseModel):
    """A column that drifted or gave a warning."""

    name: str
    drift_days: int
    warning_days: int
    judged_days: int = Field(description="Days on which a verdict was possible.")


class WorstVerdict(BaseModel):
    """The verdict of the month whose effect exceeds its threshold most."""

    column: str
    day: str
    effect: float
    threshold: float
    reason: str = Field(description="As in the drift report of the day.")


class DriftSummary(BaseModel):
    """The verdicts of the month."""

    days_by_verdict: dict[str, int] = Field(
        description="Days by the verdict on the day as a whole; without a report, none."
    )
    columns: list[ColumnReport] = Field(description="Those that drifted most often first.")
    worst: WorstVerdict | None = Field(description="Null if nothing drifted.")


class MissingReport(BaseModel):
    """A column that was missing more often than in the baseline."""

    name: str
    day: str = Field(description="Day whose window had the largest share.")
    share: float = Field(description="Share of rows without a value.")
    baseline_share: float


class IncidentReport(BaseModel):
    """An incident with a condition that held, or an alert that was open, on a day of the month."""

    id: str
    state: str
    severity: str
    title: str | None = Field(description="Title of its first message; null if no message was written.")
    summaries: list[str] = Field(description="Of its alerts in the month.")
    start: str = Field(description="First local day in the incident.")
    end: str | None = Field(
        description="Newest local day on which a condition held; null for an open one without days."
    )
    message_count: int
    opened_at: datetime
    resolved_at: datetime | None


class AmountReport(BaseModel):
    """An amount in one currency; amounts are never converted."""

    currency: str
    amount: Decimal = Field(description="Unblended.")


class CostReport(BaseModel):
    """Costs of the model's project, of all its models together."""

    aws: list[AmountReport] = Field(description="Empty if no figures were pulled.")
    llm_requests: int
    llm_tokens: int
    llm_usd: Decimal = Field(description="Of requests with a known price.")
    llm_unpriced: int = Field(description="Requests with an unknown price.")


class UnfinishedDay(BaseModel):
    """A day that some stage has not processed."""

    day: str
    stage: str = Field(description="First stage that is missing.")
    error: str | None = Field(description="Why it failed; null if it only waits.")


class MissingLabels(BaseModel):
    """Days without a realised metric, by reason."""

    reason: str
    days: list[str]


class UndoneReport(BaseModel):
    """What the month lacks."""

    days: list[UnfinishedDay]
    unlabelled_events: int
    missing_labels: list[MissingLabels]


class ModelReport(BaseModel):
    """A month of a model."""

    project_id: str
    model_id: str
    month: str
    start: str = Field(description="First local day.")
    end: str
    timezone: str
    is_over: bool = Field(description="Whether the last day of the month has ended in the project's time zone.")
    has_events: bool
    sentence: str = Field(description="The month in one sentence.")
    previous_month: str | None = Field(description="The nearest month before with events.")
    next_month: str | None
    volume: VolumeReport
    performance: PerformanceReport | None = Field(description="Null if no day has a metric.")
    drift: DriftSummary
    missing: list[MissingReport] = Field(description="The largest increase first.")
    incidents: list[IncidentReport] = Field(description="Oldest first.")
    versions: list[Mark] = Field(
        description="Baselines, requested trainings (`flag`), and promoted, rejected and rolled back versions, oldest first."
    )
    costs: CostReport
    undone: UndoneReport
