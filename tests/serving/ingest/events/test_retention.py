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


async def test_events_older_than_they_would_be_kept_are_rejected(analyst: httpx.AsyncClient, project: str) -> None:
    async def sent(days: int) -> httpx.Response:
        at = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        event = {"project_id": project, "model_id": "m", "timestamp": at, "latency_ms": 1, "y_pred": 1, "features": {}}
        return await analyst.post("/api/v1/events", json=event)

    assert (await sent(6)).status_code == 201
    answer = await sent(8)
    assert answer.status_code == 422
    assert "older than the 7 days that events are kept" in answer.text
