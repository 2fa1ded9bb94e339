"""Where retention forgets old events, none that old is taken."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from guard_core.settings import Settings
from tests.support.settings import with_values


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A week of events."""
    return with_values(settings, retention_event_days=7)


async def test_events_and_labels_older_than_events_are_kept_are_rejected_with_one_sentence(
    analyst: httpx.AsyncClient, project: str
) -> None:
    async def sent(days: int) -> httpx.Response:
        at = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        event = {"project_id": project, "model_id": "m", "timestamp": at, "latency_ms": 1, "y_pred": 1, "features": {}}
        return await analyst.post("/api/v1/events", json=event)

    assert (await sent(6)).status_code == 201
    answer = await sent(8)
    assert answer.status_code == 422
    assert "older than the 7 days that events are kept" in answer.text
    label = {"project_id": project, "event_id": "e", "y_true": 1, "observed_at": "2014-01-01T00:00:00Z"}
    answer = await analyst.post("/api/v1/labels", json=label)
    reason = "is before 2013-01-01, the first accepted day, or older than the 7 days that events are kept"
    assert (answer.status_code, answer.json()["detail"]) == (422, f"observed_at {reason}.")
