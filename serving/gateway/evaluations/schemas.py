"""The request and the response about feedback."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

MAX_COMMENT = 4_000

Grade = Annotated[FiniteFloat, Field(ge=0, le=1)]


class Feedback(BaseModel):
    """What a user thinks of an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    request_id: str = Field(
        min_length=1, max_length=128, description="Id of the request that was answered: its header `x-request-id`."
    )
    value: Literal["good", "bad"] | Grade = Field(description="`good`, `bad`, or a grade from 0 to 1; 0.5 is good.")
    comment: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_COMMENT,
        description="Kept with the recorded bodies as the content policy redacts it; for projects that record bodies.",
    )


class StoredFeedback(BaseModel):
    """Feedback as it was stored."""

    request_id: str
    model_id: str = Field(description="Under which the answer is monitored.")
    label: Literal["good", "bad"] = Field(description="Label of the answer's event from now on.")
