"""The middleware of every request."""

import gc

import httpx

from serving.audit.entry import AuditEntry
from tests.support.event_requests import event


async def test_a_request_leaves_nothing_for_the_garbage_collector(analyst: httpx.AsyncClient, project: str) -> None:
    await analyst.post("/api/v1/events", json=event(project_id=project))
    gc.collect()
    before = {id(item) for item in gc.get_objects() if isinstance(item, AuditEntry)}  # of other tests
    gc.disable()
    try:
        for path in ("/api/v1/events", "/api/v1/nowhere"):
            await analyst.post(path, json=event(project_id=project))
        after = {id(item) for item in gc.get_objects() if isinstance(item, AuditEntry)}
    finally:
        gc.enable()
    assert after <= before
