"""The sentence of the overview: it counts whatever needs attention, of models and of others."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import pytest
from pydantic import BaseModel

from serving.alerts.schemas import AlertView
from serving.overview.schemas import ModelOverview, Overview
from serving.pages.overview import headline

T = TypeVar("T", bound=BaseModel)


def make(schema: type[T], **fields: object) -> T:
    """Make an object with only these fields."""
    construct: Callable[..., T] = schema.model_construct
    return construct(**fields)


def alert(acknowledged_at: datetime | None = None) -> AlertView:
    return make(AlertView, acknowledged_at=acknowledged_at)


def model(*alerts: AlertView) -> ModelOverview:
    return make(ModelOverview, alerts=list(alerts))


def overview(models: list[ModelOverview], other_alerts: list[AlertView]) -> Overview:
    return make(Overview, models=models, other_alerts=other_alerts)


@pytest.mark.parametrize(
    ("models", "other_alerts", "sentence"),
    [
        ([], [], "No model has sent events yet"),
        ([model()], [], "Your model is fine"),
        ([model(), model()], [alert(datetime.now(UTC))], "All 2 models are fine"),
        ([model()], [alert(), alert()], "2 alerts need you, about no single model"),
        ([], [alert()], "1 alert needs you; no model has sent events yet"),
        ([model(alert()), model()], [alert()], "1 of 2 models needs you, and so does 1 other alert"),
        ([model(alert())], [alert(), alert()], "Your model needs you, and so do 2 other alerts"),
    ],
)
def test_the_sentence_counts_what_needs_attention(
    models: list[ModelOverview], other_alerts: list[AlertView], sentence: str
) -> None:
    assert headline(overview(models, other_alerts)) == sentence
