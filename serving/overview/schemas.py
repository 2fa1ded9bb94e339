"""The response of the overview. Lists of a model are aligned with its `days`."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from guard_store.spending.amounts import Period, Scope
from serving.alerts.schemas import AlertView


class MetricOverview(BaseModel):
    """The realised primary metric of a model."""

    name: str = Field(description="`roc_auc`, `accuracy` or `mae`, by the task.")
    values: list[float | None]
    day: str | None = Field(description="Newest day with a value.")
    value: float | None = Field(description="On that day.")
    low: float | None = Field(description="Lower bound of its 95 % interval.")
    high: float | None
    baseline: float | None = Field(description="In the window of the baseline.")


class ChampionOverview(BaseModel):
    """The version that is served."""

    version: str
    since: datetime


class ModelOverview(BaseModel):
    """A model: its newest days, whether they drift, how well it predicts, and its open alerts."""

    project_id: str
    model_id: str
    days: list[str] = Field(description="Newest local days with events, oldest first.")
    events: list[int]
    labels: list[int]
    verdicts: list[str | None] = Field(description="Verdict on the day as a whole; null without a report.")
    metric: MetricOverview | None = Field(description="Null if nothing is labelled.")
    champion: ChampionOverview | None
    alerts: list[AlertView] = Field(description="Open ones, the worst first.")

    @property
    def is_drifting(self) -> bool:
        """Whether the newest day with a report drifts."""
        reported = [verdict for verdict in self.verdicts if verdict is not None]
        return bool(reported) and reported[-1] == "drift"

    @property
    def needs_attention(self) -> bool:
        """Whether an open alert is not acknowledged."""
        return any(alert.acknowledged_at is None for alert in self.alerts)


class FullestBudget(BaseModel):
    """The budget in dollars of which the largest share is spent, in its current span."""

    scope: Scope
    scope_id: str
    name: str = Field(description="Name of the key, or id of the project.")
    period: Period
    limit_usd: float = Field(description="The hard limit, without one the soft limit.")
    share: float = Field(description="Of the limit that is spent.")


class ChangeView(BaseModel):
    """Something that was changed at a model: who did what, and why."""

    at: datetime
    project_id: str
    model_id: str
    what: str = Field(description="`promoted`, `rejected`, …; `baseline_captured`, `retrain_flag_raised`.")
    version: str | None = Field(description="Of the model, or of the baseline.")
    by: Literal["rule", "person"]
    reason: str


class SpendOverview(BaseModel):
    """Usage of language models in the current calendar month."""

    requests: int
    tokens: int
    cost_usd: float
    unpriced: int = Field(description="Requests with an unknown price.")
    budget: FullestBudget | None = Field(description="Null without a budget in dollars.")


class Overview(BaseModel):
    """All models that the key has access to, and what happened last."""

    models: list[ModelOverview] = Field(description="Those that need attention first.")
    other_alerts: list[AlertView] = Field(description="Open alerts of no model.")
    events: int = Field(description="In the days of all models.")
    labels: int
    rejected: int = Field(description="Rows rejected since the first of these days.")
    spend: SpendOverview
    findings: dict[str, int] = Field(description="Requests by rule of the content policies, in the last 30 days.")
    changes: list[ChangeView] = Field(description="Newest decisions, baselines and retrain flags, newest first.")

    @property
    def open_alerts(self) -> list[AlertView]:
        """All open alerts, those of models first."""
        return [alert for model in self.models for alert in model.alerts] + self.other_alerts
