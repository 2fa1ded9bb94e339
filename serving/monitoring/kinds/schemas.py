"""Requests and responses about the kinds of columns."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from guard_core.columns import PREDICTION, feature_name
from guard_core.days import from_microseconds
from guard_store.monitoring.kinds import ColumnKind


class FeatureKind(BaseModel):
    """The kind to set for a feature."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["numeric", "categorical", "boolean", "text"]


class PredictionKind(BaseModel):
    """The kind to set for the predictions."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["numeric", "categorical"]


class KindView(BaseModel):
    """The kind of a column."""

    feature: str | None = Field(description="Name of the feature; null for the predictions.")
    kind: str
    source: Literal["learned", "override"]
    updated_at: datetime

    @classmethod
    def of(cls, column_kind: ColumnKind) -> "KindView":
        """Convert a stored kind."""
        return cls(
            feature=None if column_kind.feature == PREDICTION else feature_name(column_kind.feature),
            kind=column_kind.kind,
            source=column_kind.source,
            updated_at=from_microseconds(column_kind.updated_us),
        )
