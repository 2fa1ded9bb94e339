"""`POST /v1/feedback`: what users think of evaluated answers becomes the labels of their events."""

import json
from typing import Any

import httpx
import pytest

from guard_store.ingest.labels import LabelStore
from serving.app import Services
from serving.gateway.evaluations.answers import event_id_of
from tests.support.clients import Clients
from tests.support.gateway import SSN
from tests.support.ledger import read_ledger

FEEDBACK = "/v1/feedback"


async def ask_chat(caller: httpx.AsyncClient) -> str:
    """Ask a model, and return the id of the request."""
    body = {"model": "stub", "messages": [{"role": "user", "content": "Which carriers fly to Miami?"}]}
    answer = await caller.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.headers["x-request-id"])


def read_label(services: Services, project: str, request_id: str) -> Any:
    label = LabelStore(services.database).newest(project, event_id_of(request_id))
    return None if label is None else json.loads(label.y_true)


@pytest.mark.parametrize(
    ("value", "label"), [("good", "good"), ("bad", "bad"), (1, "good"), (0.5, "good"), (0.49, "bad"), (0, "bad")]
)
async def test_feedback_becomes_the_label_of_the_answer(
    caller: httpx.AsyncClient, services: Services, evaluated: str, value: Any, label: str
) -> None:
    request_id = await ask_chat(caller)
    answer = await caller.post(FEEDBACK, json={"request_id": request_id, "value": value})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"request_id": request_id, "model_id": "llm-stub", "label": label}
    assert read_label(services, evaluated, request_id) == label
    assert LabelStore(services.database).count_on_days() == 1
    (day,) = (await caller.get(f"/api/v1/projects/{evaluated}/models/llm-stub/days")).json()["items"]
    assert (day["events"], day["labels"]) == (1, 1)
    (row,) = read_ledger(services, route=FEEDBACK)
    assert json.loads(row["details"]) == {"feedback_on": event_id_of(request_id), "feedback": value}


async def test_the_last_feedback_counts(caller: httpx.AsyncClient, services: Services, evaluated: str) -> None:
    request_id = await ask_chat(caller)
    for value in ("bad", "good", "bad"):
        (await caller.post(FEEDBACK, json={"request_id": request_id, "value": value})).raise_for_status()
        assert read_label(services, evaluated, request_id) == value


async def test_an_answer_that_was_not_evaluated_gets_no_feedback_and_the_cure_is_named(
    caller: httpx.AsyncClient, services: Services, project: str
) -> None:
    request_id = await ask_chat(caller)
    answer = await caller.post(FEEDBACK, json={"request_id": request_id, "value": "good"})
    assert answer.status_code == 404
    assert "evaluation.share" in answer.json()["error"]["message"]
    assert read_label(services, project, request_id) is None


async def test_an_event_of_the_project_that_is_no_answer_gets_no_feedback(
    caller: httpx.AsyncClient, services: Services, evaluated: str
) -> None:
    event = {"project_id": evaluated, "model_id": "late", "timestamp": "2013-01-01T12:00:00Z", "event_id": "e"}
    (await caller.post("/api/v1/events", json={**event, "y_pred": "good", "features": {}})).raise_for_status()
    assert (await caller.post(FEEDBACK, json={"request_id": "e", "value": "bad"})).status_code == 404
    assert read_label(services, evaluated, "e") is None


async def test_a_key_of_another_project_never_labels(
    caller: httpx.AsyncClient, clients: Clients, services: Services, evaluated: str
) -> None:
    services.projects.create("other", "Other", settings={"evaluation": {"share": 1.0}})
    other, admin = clients.of("analyst", "other"), clients.of("analyst")
    body = {"request_id": await ask_chat(caller), "value": "bad"}
    assert (await other.post(FEEDBACK, json=body)).status_code == 404
    named = {"X-ML-Guard-Project": evaluated}
    assert (await other.post(FEEDBACK, json=body, headers=named)).status_code == 403
    unnamed = await admin.post(FEEDBACK, json=body)
    assert unnamed.status_code == 400
    assert "X-ML-Guard-Project" in unnamed.text
    assert read_label(services, evaluated, body["request_id"]) is None
    assert (await admin.post(FEEDBACK, json=body, headers=named)).status_code == 200
    assert read_label(services, evaluated, body["request_id"]) == "bad"


async def test_a_comment_is_kept_redacted_where_the_project_keeps_bodies_and_refused_elsewhere(
    caller: httpx.AsyncClient, admin: httpx.AsyncClient, services: Services, evaluated: str
) -> None:
    body = {"request_id": await ask_chat(caller), "value": "bad", "comment": f"My number {SSN} is wrong"}
    refused = await caller.post(FEEDBACK, json=body)
    assert refused.status_code == 400
    assert "audit.bodies" in refused.text
    assert read_label(services, evaluated, body["request_id"]) is None
    services.projects.update(evaluated, settings={"evaluation": {"share": 1.0}, "audit": {"bodies": True}})
    (await caller.post(FEEDBACK, json=body)).raise_for_status()
    request_id = read_ledger(services, route=FEEDBACK)[0]["request_id"]
    (kept,) = (await admin.get(f"/api/v1/audit/{request_id}/bodies")).json()["items"]
    assert "My number [SSN_1] is wrong" in json.dumps(kept)
    assert SSN not in json.dumps(kept)
    assert SSN not in json.dumps(read_ledger(services), default=str)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"value": 1.1}, "value"), ({"value": "fine"}, "value"), ({"value": True}, "value"), ({"comment": ""}, "comment")],
)
async def test_malformed_feedback_is_refused_by_its_field(
    caller: httpx.AsyncClient, evaluated: str, change: dict[str, Any], field: str
) -> None:
    answer = await caller.post(FEEDBACK, json={"request_id": "r", "value": "good", **change})
    assert answer.status_code == 400
    assert field in answer.text
