"""Response of the preview of a drift threshold."""

from typing import Final

from pydantic import BaseModel, Field

from guard_core.project_settings.drift_methods import Method

IGNORED: Final = (
    "Windows stay as long as they were: a lower threshold needs more rows, and may test a column on a longer window.",
    "Columns with a drift threshold of their own, and those that another method decides, stay as they are.",
)


class ThresholdPreview(BaseModel):
    """Days that would have drifted with another threshold, from the effects of stored reports."""

    method: Method
    threshold: float
    current_threshold: float = Field(description="Drift threshold in force.")
    days: list[str] = Field(description="Newest local days with a drift report, oldest first.")
    drift: list[bool] = Field(description="Whether each day drifted.")
    drift_with_threshold: list[bool] = Field(description="Whether it would have drifted.")
    alerts: int = Field(
        description="Drift alerts that the policies in force open on these days, with the threshold in force."
    )
    alerts_with_threshold: int = Field(description="Those that they would have opened.")
    added_columns: dict[str, int] = Field(description="Days on which a column would have drifted and did not.")
    removed_columns: dict[str, int] = Field(description="Days on which a column drifted and would not have.")
    ignored: list[str] = Field(description="What the preview does not compute again.")
