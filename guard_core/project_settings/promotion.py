"""What a candidate must reach to be promoted; the comparison with the champion is `ml.retraining.promotion`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from guard_core.project_settings.section import Section

_Rows = Annotated[int, Field(ge=20)]
_Loss = Annotated[float, Field(ge=0)]
MIN_PROBATION_DAYS = 3
"""Labelled days below which a probation decides nothing: of two days, an interval by days is nearly unbounded."""


def _refuse_few_days(days: int) -> int:
    if 0 < days < MIN_PROBATION_DAYS:
        raise ValueError(f"must be 0 for no probation, or at least {MIN_PROBATION_DAYS}")
    return days


_ProbationDays = Annotated[int, Field(ge=0, le=365), AfterValidator(_refuse_few_days)]


class PromotionSettings(Section):
    """What a candidate must reach to be promoted, and how long it can be rolled back afterwards."""

    min_rows: _Rows = Field(
        100, description="Labelled rows of the held-out window below which no candidate is promoted."
    )
    min_gain: _Loss = Field(
        0.0,
        description="Least gain over the champion in the deciding metric; the interval of the gain must lie above it.",
    )
    max_segment_loss: _Loss = Field(
        0.02,
        description="How much worse a segment may become in the deciding metric, unless the loss may be due to chance.",
    )
    min_segment_rows: _Rows = Field(200, description="Labelled rows below which a segment is not compared.")
    max_calibration_loss: _Loss = Field(
        0.02,
        description="How much larger the calibration error may become, unless the growth may be due to chance.",
    )
    probation_days: _ProbationDays = Field(
        14,
        description="Labelled days after a promotion by the rule on which the new champion is compared with the old one;"
        " if it is surely worse, the rule rolls back. 0: no probation.",
    )
