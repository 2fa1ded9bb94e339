"""Requests and answers about the kinds of columns."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from guard_core.columns import PREDICTION, feature_name
from guard_core.days import from_microseconds
from guard_store.monitoring.kinds import ColumnKind


class FeatureKind(BaseModel):
    """The kind that a feature is to have."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["numeric", "categorical", "boolean", "text"]


class PredictionKind(BaseModel):
    """The kind that the predictions are to have."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["numeric", "categorical"]


class KindView(BaseModel):
    """The kind of a column."""

    feature: str | None = Field(description="Name of the feature; null for the model's prediction.")
    kind: str
    source: Literal["learned", "override"]
    updated_at: datetime

    @classmethod
    def of(cls, stored: ColumnKind) -> "KindView":
        """The view of a stored kind."""
        return cls(
            feature=None if stored.feature == PREDICTION else feature_name(stored.feature),
            kind=stored.kind,
            source=stored.source,
            updated_at=from_microseconds(stored.updated_us),
        )
