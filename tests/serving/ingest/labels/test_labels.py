"""Labels over HTTP: one, many, every format; what is wrong with one is said, what was accepted stays."""

import json
from typing import Any

import httpx
import pyarrow as pa
import pytest

from guard_core.settings import Settings
from serving.app import Services
from tests.support.clients import Clients
from tests.support.event_requests import event, from_now, gzip_rows, ndjson, send_raw, serving

LABELS = "/api/v1/labels"


def label(event_id: Any = "e0", **changed: Any) -> dict[str, Any]:
    """A label of the contract; a field given as `...` is left out."""
    made = {
        "project_id": "flights",
        "event_id": event_id,
        "y_true": 1,
        "observed_at": "2013-01-02T15:00:00Z",
        **changed,
    }
    return {name: value for name, value in made.items() if value is not ...}


async def test_one_label_is_accepted_and_then_a_duplicate(analyst: httpx.AsyncClient, project: str) -> None:
    first = await analyst.post(LABELS, json=label())
    again = await analyst.post(LABELS, json=label())
    corrected = await analyst.post(LABELS, json=label(y_true=0))
    assert [(a.status_code, a.json()["status"]) for a in (first, again, corrected)] == [
        (201, "accepted"),
        (200, "duplicate"),
        (201, "accepted"),
    ]


@pytest.mark.parametrize("value", ["", " ", "NaN", " nan\n"])
async def test_text_of_a_missing_label_is_refused(analyst: httpx.AsyncClient, project: str, value: str) -> None:
    answer = await analyst.post(LABELS, json=[label(), label("e1", y_true=value), label("e2", y_true="nano")])
    (error,) = answer.json()["errors"]
    assert (answer.json()["accepted"], error["index"], error["field"]) == (2, 1, "y_true")
    assert "a label that is not known yet is not sent" in error["reason"]


async def test_many_labels_are_counted_and_bad_ones_named(
    analyst: httpx.AsyncClient, project: str, services: Services
) -> None:
    rows = [
        label("a"),
        label("a"),
        label("b", y_true=None),
        label("c", observed_at="2013-01-02T15:00:00"),
        label("d", observed_at=from_now(hours=1)),
        label("e", project_id="other"),
        label(event_id=...),
        label("f", segment="x"),
        label("g", observed_at="0001-01-01T00:00:00+14:00"),
        label("h", observed_at="2012-12-31T23:59:59-05:00"),
    ]
    answer = (await analyst.post(LABELS, json=rows)).json()
    assert (answer["accepted"], answer["duplicates"], answer["rejected"]) == (1, 1, 8)
    assert [(e["index"], e["field"]) for e in answer["errors"]] == [
        (2, "y_true"),
        (3, "observed_at"),
        (4, "observed_at"),
        (5, "project_id"),
        (6, "event_id"),
        (7, "segment"),
        (8, "observed_at"),
        (9, "observed_at"),
    ]
    reasons = [e["reason"] for e in answer["errors"]]
    assert "has no offset" in reasons[1]
    assert "the fields are project_id, event_id, y_true, observed_at" in reasons[5]
    assert services.rejections.days("flights", "0000-01-01", "9999-12-31")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("y_true", [1], "y_true must be a finite number"),
        ("observed_at", "yesterday", "observed_at must be RFC 3339"),
        ("event_id", "", "event_id must be a string of 1 to 128 characters"),
    ],
)
async def test_one_bad_label_is_refused_with_its_field(
    analyst: httpx.AsyncClient, project: str, field: str, value: Any, said: str
) -> None:
    answer = await analyst.post(LABELS, json=label(**{field: value}))
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


async def test_an_atomic_batch_with_a_bad_label_stores_nothing(
    analyst: httpx.AsyncClient, project: str, services: Services
) -> None:
    answer = await analyst.post(LABELS, params={"atomic": "true"}, json=[label("a"), label("b", y_true=None)])
    assert answer.status_code == 422
    assert "1 of 2 rows are bad" in answer.json()["detail"]
    again = (await analyst.post(LABELS, json=[label("a")])).json()
    assert (again["accepted"], again["duplicates"]) == (1, 0)


async def test_every_format_of_events_is_a_format_of_labels(analyst: httpx.AsyncClient, project: str) -> None:
    def arrow(rows: list[dict[str, Any]]) -> bytes:
        table = pa.Table.from_pylist(rows)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return bytes(sink.getvalue())

    sent = [
        (json.dumps([label("a")]).encode(), {}),
        (ndjson([label("b"), label("c")]), {"Content_Type": "application/x-ndjson"}),
        (arrow([label("d"), label("e")]), {"Content_Type": "application/vnd.apache.arrow.stream"}),
        (gzip_rows([label("f")]), {"Content_Encoding": "gzip"}),
    ]
    answers = [(await send_raw(analyst, body, LABELS, **headers)).json() for body, headers in sent]
    assert [answer["accepted"] for answer in answers] == [1, 2, 2, 1]


async def test_labels_need_a_project_that_exists_and_a_key_that_opens_it(
    clients: Clients, services: Services, project: str
) -> None:
    services.projects.create("other", "Other", "UTC")
    assert (await clients.of("guest").post(LABELS, json=label())).status_code == 403
    assert (await clients.of("analyst", "other").post(LABELS, json=label())).status_code == 403
    assert (await clients.of("analyst").post(LABELS, json=label(project_id="nobody"))).status_code == 404


async def test_what_was_acknowledged_is_there_after_a_restart(settings: Settings) -> None:
    async with serving(settings) as (_, client):
        assert (await client.post("/api/v1/events", json=event(event_id="e0"))).status_code == 201
        assert (await client.post(LABELS, json=label())).status_code == 201
    async with serving(settings) as (_, client):
        assert (await client.post(LABELS, json=label())).json()["status"] == "duplicate"
