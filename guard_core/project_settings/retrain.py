"""When retraining of a model is recommended; the rule itself is `ml.retraining.rule`."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from guard_core.project_settings.section import Section, error_at

_Days = Annotated[int, Field(ge=1, le=366)]


class RetrainSettings(Section):
    """When retraining is recommended."""

    enabled: bool = Field(
        default=True, description="If false, the rule is evaluated and shown, but never recommends retraining."
    )
    min_drifted_share: float = Field(
        0.3,
        gt=0,
        le=1,
        description="Share of features in drift from which drift is a reason, weighted by importance if the model "
        "reports it.",
    )
    prediction_drift: bool = Field(
        default=True, description="Whether drift of the predictions or their probabilities is a reason."
    )
    max_drop: float = Field(
        0.02,
        ge=0,
        description="Drop of ROC AUC or accuracy below the baseline; a larger one is a reason if its interval is below "
        "the baseline.",
    )
    max_error_growth: float = Field(
        0.1,
        ge=0,
        description="Growth of MAE as a share of the baseline's; the counterpart of `max_drop` for regression.",
    )
    max_age_days: int = Field(
        90,
        ge=1,
        description="Days between the champion's training data and the evaluated day; an older model is a reason.",
    )
    days: _Days = Field(
        2, description="A reason counts if it holds on `days` of the newest `of_days` days that have evidence."
    )
    of_days: _Days = Field(
        3, description="Newest days with evidence that are considered; a reason must hold on `days` of them."
    )
    cooldown_days: int = Field(14, ge=0, description="Days after a flag before the next one.")
    min_labelled_rows: int = Field(500, ge=1, description="Labelled rows below which nothing is trained.")

    @model_validator(mode="after")
    def _require_possible_days(self) -> Self:
        if self.days > self.of_days:
            reason = f"{self.days} of {self.of_days} days cannot be; lower days or raise of_days"
            raise error_at(("days",), reason, self.days)
        return self
