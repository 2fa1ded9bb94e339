"""Responses about a model's history. Lists are aligned with `days`; a missing value is null."""

from pydantic import BaseModel, Field

_ALIGNED = "One value for each of `days`."


class ChampionSummary(BaseModel):
    """The version that is served."""

    version: str
    since_day: str = Field(
        description="Local day from which it was promoted; that of its training data, not of the decision."
    )


class ChallengerSummary(BaseModel):
    """The newest version that is not the champion."""

    version: str
    decision: str = Field(description="The last decision about it: `rejected`, or `promoted` before a rollback.")
    reason: str


class BaselineSummary(BaseModel):
    """The active baseline."""

    version: int
    start: str
    end: str
    from_day: str | None = Field(description="First day that is compared with it; null for all days.")


class MetricSummary(BaseModel):
    """The primary metric on the newest labelled day."""

    name: str = Field(description="`roc_auc`, `accuracy` or `mae`, by the task.")
    day: str
    value: float
    low: float = Field(description="Lower bound of its 95 % interval.")
    high: float
    baseline: float | None = Field(description="In the window of the baseline.")


class OpenAlert(BaseModel):
    """An open alert of the model."""

    id: str
    incident_id: str
    kind: str
    severity: str
    summary: str
    since_day: str | None


class ModelSummary(BaseModel):
    """A model as it is now."""

    project_id: str
    model_id: str
    task: str | None = Field(
        description="`binary`, `multiclass`, `ordinal` or `regression`; null before there are labels."
    )
    first_day: str
    last_day: str = Field(description="Newest local day with events.")
    events: int
    champion: ChampionSummary | None
    challenger: ChallengerSummary | None = Field(description="Null if the newest version is the champion.")
    baseline: BaselineSummary | None
    metric: MetricSummary | None = Field(description="Null if nothing is labelled.")
    verdict_day: str | None = Field(description="Newest day with a drift report.")
    verdict: str | None
    drifted: list[str] = Field(description="Columns that drift on that day.")
    alerts: list[OpenAlert] = Field(description="Open alerts, the worst first.")


class MatrixColumn(BaseModel):
    """The verdicts on one column."""

    name: str
    importance: float | None = Field(
        description="Permutation importance in the champion's evaluation, as a share of the most important feature's;"
        " null if it was not measured."
    )
    verdicts: list[str | None] = Field(description=f"{_ALIGNED} Null if the day's report does not judge the column.")
    shades: list[float | None] = Field(
        description=f"{_ALIGNED} Effect over the drift threshold, at most 1, where data is insufficient."
    )
    required_days: list[int | None] = Field(
        description=f"{_ALIGNED} Days like those of the window that a verdict requires in all, where data is insufficient;"
        " null where no number of days is enough, because the baseline is too small."
    )
    more_days: list[int | None] = Field(
        description=f"{_ALIGNED} Of `required_days`, those that the window does not have yet."
    )
    ratio: float | None = Field(
        description="Effect over the drift threshold on `judged_day`; null where there is no effect, or no drift threshold."
    )
    reason: str | None = Field(description="Reason of the newest verdict.")


class DriftMatrix(BaseModel):
    """Verdicts by column and day."""

    days: list[str] = Field(description="Local days with events, oldest first.")
    states: list[str | None] = Field(
        description=f"{_ALIGNED} The verdict on the day as a whole; null without a report."
    )
    judged_day: str | None = Field(description="The newest of `days` that is compared with a baseline.")
    columns: list[MatrixColumn] = Field(description="By importance, then by name.")


class Band(BaseModel):
    """A value of each day with its bounds."""

    values: list[float | None]
    low: list[float | None]
    high: list[float | None]


class Series(BaseModel):
    """What a model has received, how fast it answered, and how well it predicted, by day."""

    days: list[str] = Field(description="Local days with events, oldest first.")
    events: list[int]
    labels: list[int]
    rejected: list[int] = Field(description="Rejected rows that arrived on the day.")
    latency_p50: list[float | None] = Field(description="Milliseconds.")
    latency_p95: list[float | None]
    predicted_rate: list[float | None] = Field(
        description="Share of the positive label among predictions, of a binary task."
    )
    label_rate: list[float | None] = Field(description="Share of the positive label among labels, of a binary task.")
    metric: str | None = Field(
        description="The primary metric: `roc_auc`, `accuracy` or `mae`; null before there are labels."
    )
    realised: Band = Field(description="The primary metric from labels, with its 95 % interval.")
    estimated: Band = Field(description="The primary metric estimated without labels, with its band.")
    baseline: list[float | None] = Field(description="The primary metric in the window of the baseline of each day.")


class Mark(BaseModel):
    """Something that happened to a model on a day."""

    day: str = Field(description="Local day that it applies from; of an alert, the first on which its condition held.")
    kind: str = Field(description="`baseline`, `promoted`, `rejected`, `rolled_back`, `flag` or `alert`.")
    name: str = Field(description="Version, number of the baseline, state of the flag, or kind of the alert.")
    text: str = Field(description="The reason, the window or the summary.")
    id: str = Field(description="Id of the decision, baseline, flag, or of the alert's incident.")


class Timeline(BaseModel):
    """What happened to a model, oldest first."""

    marks: list[Mark]


class SliceSeries(BaseModel):
    """The primary metric of a slice."""

    dimension: str = Field(description="`endpoint`, `model_version` or `segment`; empty for all rows.")
    value: str
    n: int = Field(description="Labelled rows in the range.")
    mean: float | None = Field(description="Mean over the labelled days, weighted by rows.")
    low: float | None = Field(description="Lower bound of its 95 % interval.")
    high: float | None
    by_day: Band = Field(description="Its value on each day with the bounds of the 95 % interval.")


class SlicesSeries(BaseModel):
    """The primary metric of each slice over time."""

    days: list[str] = Field(description="Labelled local days, oldest first.")
    metric: str | None
    whole: SliceSeries | None = Field(description="All rows of the days; null if none is labelled.")
    slices: list[SliceSeries] = Field(description="The worst first; those without a value last.")
