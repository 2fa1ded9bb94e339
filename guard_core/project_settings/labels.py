"""What the labels of a model mean; comparing them and guessing what is not set is `ml.monitoring.performance.tasks`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from guard_core.project_settings.section import Section, error_at

LabelTask = Literal["classification", "ordinal", "regression"]


class LabelSettings(Section):
    """What the labels of a model mean; a field that is not set is guessed."""

    task: LabelTask | None = Field(
        None,
        description="`classification`: labels are classes, two or more; `ordinal`: numbered grades in an order; "
        "`regression`: numbers.",
    )
    positive: str | int | float | bool | None = Field(
        None, description="The positive label of a binary model, in any spelling; every other label is negative."
    )

    @model_validator(mode="after")
    def _require_classes(self) -> Self:
        if self.positive is not None and self.task in {"ordinal", "regression"}:
            reason = (
                f"only classes have a positive label; remove it, or set task to classification instead of {self.task}"
            )
            raise error_at(("positive",), reason, self.positive)
        if isinstance(self.positive, str) and not self.positive.strip():
            raise error_at(("positive",), "must not be empty", self.positive)
        return self
