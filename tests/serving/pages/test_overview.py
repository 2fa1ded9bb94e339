"""The sentence of the overview counts whatever needs attention, and the state of a model is no more than what is known of it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TypeVar

import pytest
from pydantic import BaseModel

from serving.alerts.schemas import AlertView
from serving.overview.schemas import ModelOverview, Overview
from serving.pages.overview import headline, last_verdict

T = TypeVar("T", bound=BaseModel)
TODAY = date(2026, 3, 10)
CLOSED, NEXT, OPEN = "2026-03-08", "2026-03-09", "2026-03-10"


def make(schema: type[T], **fields: object) -> T:
    """Make an object with only these fields."""
    construct: Callable[..., T] = schema.model_construct
    return construct(**fields)


def alert(acknowledged_at: datetime | None = None) -> AlertView:
    return make(AlertView, acknowledged_at=acknowledged_at)


def model(*alerts: AlertView, verdicts: dict[str, str | None] | None = None) -> ModelOverview:
    verdicts = {CLOSED: "stable", OPEN: None} if verdicts is None else verdicts
    return make(ModelOverview, alerts=list(alerts), days=list(verdicts), verdicts=list(verdicts.values()))


def overview(models: list[ModelOverview], other_alerts: list[AlertView]) -> Overview:
    return make(Overview, models=models, other_alerts=other_alerts)


@pytest.mark.parametrize(
    ("models", "other_alerts", "sentence"),
    [
        ([], [], "No model has sent events yet"),
        ([model()], [], "No alert needs you"),
        ([model(), model()], [alert(datetime.now(UTC))], "No alert needs you"),
        ([model(verdicts={OPEN: None})], [], "No alert needs you; your model has no recent verdict"),
        (
            [model(), model(verdicts={CLOSED: "missing_baseline"})],
            [],
            "No alert needs you; 1 of 2 models has no recent verdict",
        ),
        ([model()], [alert(), alert()], "2 alerts need you, about no single model"),
        ([], [alert()], "1 alert needs you; no model has sent events yet"),
        ([model(alert()), model()], [alert()], "1 of 2 models needs you, and so does 1 other alert"),
        ([model(alert())], [alert(), alert()], "Your model needs you, and so do 2 other alerts"),
    ],
)
def test_the_sentence_counts_what_needs_attention(
    models: list[ModelOverview], other_alerts: list[AlertView], sentence: str
) -> None:
    assert headline(overview(models, other_alerts), TODAY) == sentence


@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        ({CLOSED: "stable", NEXT: None, OPEN: None}, "stable on 8 Mar 2026"),
        ({CLOSED: "stable", NEXT: "warning"}, "warning on 9 Mar 2026"),
        ({CLOSED: "missing_baseline", OPEN: None}, "no baseline yet on 8 Mar 2026"),
        ({OPEN: None}, "not judged yet"),
        ({"2026-03-07": "stable", CLOSED: None, OPEN: None}, "not judged since 7 Mar 2026"),
        ({"2026-03-06": "drift", "2026-03-07": "stable"}, "no events since 7 Mar 2026"),
        ({"2026-03-01": "stable", OPEN: None}, "stable on 1 Mar 2026"),
    ],
)
def test_the_newest_verdict_is_given_with_its_day_and_its_absence_with_the_reason(
    verdicts: dict[str, str | None], text: str
) -> None:
    assert last_verdict(model(verdicts=verdicts), TODAY) == text
