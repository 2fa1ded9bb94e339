"""The response about one column of a day."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field


class FeatureVerdict(BaseModel):
    """The verdict on the column, as in the drift report."""

    kind: str
    state: str
    reason: str
    about: str = Field("values", description="What decides: `values`, or `missing` for the share of missing values.")
    units: str = Field(
        "rows", description="What counts as one observation: `rows`, or `days` that are compared with the baseline's."
    )
    method: str | None = Field(description="The deciding statistic; `unseen_share` and `l_infinity` warn beside any.")
    effect: float | None
    warning_threshold: float | None
    drift_threshold: float | None
    p_value: float | None
    adjusted_p_value: float | None
    n: int = Field(description="Values in the window; rows, if missing values decide.")
    m: int = Field(description="Values in the baseline.")
    design_effect: float = Field(description="Values that are worth one independent value.")
    independent: int = Field(description="How many independent values the values of the window count as.")
    window_days: int | None
    required_n: int | None
    statistics: dict[str, float | None]
    missing_share: float | None = None
    reference_missing_share: float | None = None

    @classmethod
    def of(cls, verdict: Mapping[str, Any]) -> "FeatureVerdict":
        """Convert the stored verdict of a column."""
        return cls(**{**verdict, "independent": int(verdict["n"] / verdict["design_effect"])})


class BaselineSummary(BaseModel):
    """The baseline that the day is compared with."""

    id: str
    version: int
    start: str
    end: str


class SampleView(BaseModel):
    """A column in one sample: how many values it has, and where they lie."""

    rows: int
    values: int
    nulls: int
    non_finite: int | None = Field(description="Null for categories.")
    mean: float | None
    median: float | None
    std: float | None


class HistogramView(BaseModel):
    """Both samples in the same bins."""

    edges: list[float] = Field(
        description="The width comes from the baseline alone; the first and the last bin are open-ended, so that there is one"
        " bin more than there are edges."
    )
    baseline: list[float]
    window: list[float] = Field(description="Empty without values.")


class CategoriesView(BaseModel):
    """Both samples by category of the baseline."""

    names: list[str] = Field(description="The most frequent in either sample.")
    baseline: list[int]
    window: list[int]
    baseline_other: int
    window_other: int = Field(description="In other categories of the baseline.")
    unseen: int = Field(description="Values of the window that the baseline does not have.")
    unseen_names: list[str] = Field(description="The most frequent of them.")
    unseen_counts: list[int]


class FeatureHistory(BaseModel):
    """The verdicts on the column by day, from the first to the last day with a report.

    Values of a day without a report are null; the verdict of a report without this column is `not_judged`.
    """

    days: list[str]
    verdicts: list[str | None]
    methods: list[str | None]
    effects: list[float | None]
    noise_bounds: list[float | None] = Field(
        description="Effect that an unchanged column of the day's values stays below by chance, by the day's method and design"
        " effect, at the project's error rate shared among the columns of the report; null where it is not known."
    )
    missing_shares: list[float | None]
    unseen_shares: list[float | None]


class FeatureView(BaseModel):
    """One column of a model on one day."""

    day: str
    feature: str
    state: str = Field(
        description="State of the verdict; without one `no_events`, `not_processed`, `missing_baseline` or `not_judged`."
    )
    verdict: FeatureVerdict | None
    baseline: BaselineSummary | None
    baseline_sample: SampleView | None
    window_sample: SampleView | None
    histogram: HistogramView | None = Field(description="Of a column of numbers; null without a baseline.")
    categories: CategoriesView | None = Field(description="Of a column of categories.")
    history: FeatureHistory
