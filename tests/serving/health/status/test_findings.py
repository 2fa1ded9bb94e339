"""What needs attention: each part of the status that is not as it should be is in the headline."""

from datetime import UTC, datetime
from typing import Any

import pytest

from serving.health.status.findings import Finding, list_findings, make_headline
from serving.health.status.schemas import (
    Backlog,
    DiskStatus,
    KnowledgeStatus,
    ModelBacklogView,
    OutboxStatus,
    Queue,
    Sensor,
    StatusParts,
    Versions,
)


def status_with(**parts: Any) -> StatusParts:
    healthy: dict[str, Any] = {
        "started_at": datetime.now(UTC),
        "backlog": Backlog(waiting_days=0, failed_days=0, open_days=0, models=[], failed=[]),
        "sensors": [Sensor(name="unprocessed_days", ticked_at=datetime.now(UTC), is_silent=False)],
        "failures": [],
        "queue": Queue(rows=0, limit=10),
        "outbox": OutboxStatus(waiting=3, dead=0, oldest_at=None),
        "knowledge": KnowledgeStatus(retrieval="hybrid", version=1, chunks=2, problem=None),
        "disk": DiskStatus(home="/guard", names=[], sizes=[], total=0, free=10**12),
        "versions": Versions(ml_guard="1", python="3", schema_revision="1"),
        "problems": {},
    }
    return StatusParts(**{**healthy, **parts})


def test_an_installation_without_findings_has_nothing_waiting() -> None:
    assert list_findings(status_with()) == []
    assert make_headline([]) == "Everything is processed; nothing waits"


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"queue": Queue(rows=10, limit=10)}, "The queue is full"),
        ({"outbox": OutboxStatus(waiting=0, dead=2, oldest_at=None)}, "2 messages could not be sent"),
        (
            {"knowledge": KnowledgeStatus(retrieval="lexical", version=1, chunks=2, problem="no model")},
            "The knowledge base has a problem: no model",
        ),
        (
            {"disk": DiskStatus(home="/guard", names=[], sizes=[], total=0, free=400_000_000)},
            "400 MB of the disk are free",
        ),
        ({"outbox": None, "problems": {"outbox": "cannot be read (OSError)"}}, "Outbox cannot be read"),
    ],
)
def test_each_part_that_is_wrong_needs_attention(parts: dict[str, Any], sentence: str) -> None:
    findings = list_findings(status_with(**parts))
    assert make_headline(findings) == sentence
    assert all(finding.needs_attention for finding in findings)


def test_waiting_days_of_a_running_daemon_are_mentioned_and_need_no_attention() -> None:
    model = ModelBacklogView(
        project_id="p", model_id="m", waiting_days=2, oldest_waiting="2013-01-05", failed_days=0, open_days=0
    )
    backlog = Backlog(waiting_days=2, failed_days=0, open_days=0, models=[model], failed=[])
    assert list_findings(status_with(backlog=backlog)) == [Finding("2 days wait", needs_attention=False)]
