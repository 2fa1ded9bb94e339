"""Every way to break the event contract is answered with the field and what would be right; nothing of it is stored."""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from guard_store.db.database import Database
from guard_store.ingest.tables import events
from serving.ingest.events.schemas import Event
from tests.support.event_requests import MANY, ONE, event, from_now, send_lines, send_raw
from tests.support.event_rows import read_rejections, stored_ids

pytestmark = pytest.mark.usefixtures("project")

_OFFSET = "has no offset: send UTC with a Z at the end, or the offset, as in 2025-01-01T00:00:00+01:00"
_RFC = (
    "must be RFC 3339 text with an offset, as in 2025-01-01T00:00:00Z, with hours up to 23 and seconds up to 59"
    " (no leap seconds)"
)
_ID = "must be a string of 1 to 128 characters"
_SCALAR = "must be a finite number (integers within 64 bits), a boolean, null or a string of at most 1024 characters"
_LATENCY = "must be a finite number of milliseconds, 0 or more, or null"
_PROBABILITY = "must be a number from 0 to 1, or null"
_FEATURES = "must be a flat object of at most 10000 features"
_NESTED = "is nested: send one flat feature for each value in it"
_NUL = "holds a NUL character or half of a surrogate pair: leave it out"

BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"project_id": ...}, "project_id", f"is missing: {_ID}"),
    ({"model_id": ...}, "model_id", f"is missing: {_ID}"),
    ({"model_id": 7}, "model_id", _ID),
    ({"model_id": ""}, "model_id", _ID),
    ({"model_id": "m" * 129}, "model_id", _ID),
    (
        {"model_id": "a/b"},
        "model_id",
        "must begin with a letter or digit and go on with letters, digits, '.', '_' or '-', 128 characters at most",
    ),
    ({"timestamp": ...}, "timestamp", f"is missing: {_RFC}"),
    ({"timestamp": "2013-01-02T12:00:00"}, "timestamp", _OFFSET),
    ({"timestamp": "yesterday"}, "timestamp", _RFC),
    ({"timestamp": "2016-12-31T23:59:60Z"}, "timestamp", _RFC),
    ({"timestamp": "2024-05-01T24:00:00Z"}, "timestamp", _RFC),
    ({"timestamp": 1_700_000_000}, "timestamp", _RFC),
    ({"timestamp": "2012-12-31T12:00:00Z"}, "timestamp", "is before 2013-01-01, the first accepted day"),
    ({"timestamp": "2013-01-01T04:59:59Z"}, "timestamp", "is before 2013-01-01, the first accepted day"),
    ({"timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp", "is before 2013-01-01, the first accepted day"),
    (
        {"timestamp": "9999-12-31T23:59:59-14:00"},
        "timestamp",
        "is more than 300 s in the future: check the sender's clock",
    ),
    ({"timestamp": from_now(days=1)}, "timestamp", "is more than 300 s in the future: check the sender's clock"),
    ({"latency_ms": -1}, "latency_ms", _LATENCY),
    ({"latency_ms": "42"}, "latency_ms", _LATENCY),
    ({"latency_ms": True}, "latency_ms", _LATENCY),
    ({"latency_ms": float("inf")}, "latency_ms", _LATENCY),
    ({"y_pred": ...}, "y_pred", f"is missing: {_SCALAR}"),
    ({"y_pred": [1]}, "y_pred", _SCALAR),
    ({"y_pred": float("inf")}, "y_pred", _SCALAR),
    ({"y_pred": "x" * 1025}, "y_pred", _SCALAR),
    ({"y_proba": 1.01}, "y_proba", _PROBABILITY),
    ({"y_proba": -0.01}, "y_proba", _PROBABILITY),
    ({"y_proba": "0.5"}, "y_proba", _PROBABILITY),
    ({"y_proba": 1.00001}, "y_proba", _PROBABILITY),
    ({"y_proba": float("inf")}, "y_proba", _PROBABILITY),
    ({"features": ...}, "features", f"is missing: {_FEATURES}"),
    ({"features": None}, "features", _FEATURES),
    ({"features": [1]}, "features", _FEATURES),
    ({"features": {f"f{n}": n for n in range(10_001)}}, "features", _FEATURES),
    ({"features": {"ok": 1, "address": {"zip": "K1A"}}}, "features.address", _NESTED),
    ({"features": {"tags": ["a"]}}, "features.tags", _NESTED),
    ({"features": {"x": float("inf")}}, "features.x", _SCALAR),
    ({"features": {"x": float("-inf")}}, "features.x", _SCALAR),
    ({"features": {"x": 2**63}}, "features.x", _SCALAR),
    ({"features": {"x": "v" * 1025}}, "features.x", _SCALAR),
    ({"features": {"": 1}}, "features.", "its name must be 1 to 128 characters"),
    ({"features": {"n" * 129: 1}}, "features." + "n" * 80, "its name must be 1 to 128 characters"),
    ({"features": {"x": "a\0b"}}, "features.x", _NUL),
    ({"features": {"a\0b": 1}}, "features.a?b", _NUL),
    ({"features": {"x": "\ud800"}}, "features.x", _NUL),
    ({"segment": "\0"}, "segment", _NUL),
    ({"endpoint": ""}, "endpoint", f"{_ID}, or left out"),
    ({"event_id": 5}, "event_id", f"{_ID}, or left out"),
    ({"request_id": "r" * 129}, "request_id", f"{_ID}, or left out"),
    ({"model_version": 3}, "model_version", f"{_ID}, or left out"),
    (
        {"label": 1},
        "label",
        f"is not a field of an event; the fields are {', '.join(Event.__annotations__)}",
    ),
]


async def test_every_broken_event_is_answered_with_field_and_fix(
    analyst: httpx.AsyncClient, database: Database
) -> None:
    for change, field, reason in BROKEN:
        answer = await send_raw(analyst, json.dumps(event(**change)).encode(), ONE)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"] == [{"field": field, "reason": reason}]
        assert answer.json()["detail"] == f"{field} {reason}."
    assert stored_ids(database) == []
    assert sum(read_rejections(database).values()) == len(BROKEN) - 1, "all but the one whose project cannot be read"


async def test_every_broken_row_of_a_batch_is_named_and_the_good_ones_are_kept(
    analyst: httpx.AsyncClient, database: Database
) -> None:
    rows = [row for change, _, _ in BROKEN for row in (event(**change), event())]
    answer = (await send_lines(analyst, rows)).json()
    assert (answer["accepted"], answer["duplicates"], answer["rejected"]) == (len(BROKEN), 0, len(BROKEN))
    assert answer["errors"] == [
        {"index": 2 * n, "field": field, "reason": reason} for n, (_, field, reason) in enumerate(BROKEN)
    ]
    assert len(stored_ids(database)) == len(BROKEN)


async def test_rejections_are_counted_under_the_contracts_own_fields(
    analyst: httpx.AsyncClient, database: Database
) -> None:
    rows: list[Any] = [event(**{f"made_up_{n}": 1}) for n in range(5)]
    rows += [event(features={f"nested_{n}": []}) for n in range(5)]
    rows += [event(model_id=7), 7, "x", None]
    answer = (await analyst.post(MANY, json=rows)).json()
    assert answer["rejected"] == 14
    assert {key[:2] + key[3:]: n for key, n in read_rejections(database).items()} == {
        ("flights", "delay_v1", "unknown"): 5,
        ("flights", "delay_v1", "features"): 5,
        ("flights", "", "model_id"): 1,
    }
    assert [error["reason"] for error in answer["errors"][-3:]] == [
        f"must be an object with the fields of an event, is {kind}" for kind in ("a number", "a string", "null")
    ]


async def test_only_the_first_hundred_errors_are_listed_and_the_rest_is_counted(analyst: httpx.AsyncClient) -> None:
    answer = (await analyst.post(MANY, json=[event(latency_ms=-1)] * 250)).json()
    assert (answer["rejected"], len(answer["errors"]), answer["errors_not_listed"]) == (250, 100, 150)


FEATURES: list[dict[str, Any]] = [
    {},
    {"x": 1, "y": 1.5, "z": "text", "t": True, "n": None},
    {"größe": "groß", "emoji 🛫": "\\u0000 is only text here", 'quote"\\': "\t\n"},
    {"max": 2**63 - 1, "min": -(2**63), "tiny": 5e-324, "huge": 1.7976931348623157e308},
    {f"f{n}": n for n in range(512)},
]
PREDICTIONS = [0, 1.5, "cat", True, False, None, ""]
INSTANTS = {
    "2013-03-10T06:59:59.999999Z": 1362898799999999,
    "2013-03-10T02:59:59.999999-05:00": 1362902399999999,
    "2013-03-10t08:00:00z": 1362902400000000,
    "2024-02-29T23:59:59.1+05:30": 1709231399100000,
}


@pytest.mark.parametrize("batched", [False, True])
async def test_what_was_sent_is_what_is_stored(analyst: httpx.AsyncClient, database: Database, batched: bool) -> None:
    sent = [event(features=features) for features in FEATURES]
    sent += [event(y_pred=y_pred, y_proba=...) for y_pred in PREDICTIONS]
    sent += [event(timestamp=timestamp, segment="s", model_version="7", request_id="r") for timestamp in INSTANTS]
    if batched:
        assert (await analyst.post(MANY, json=sent)).json()["accepted"] == len(sent)
    else:
        assert {(await analyst.post(ONE, json=one)).status_code for one in sent} == {201}
    with database.read() as connection:
        rows = connection.execute(select(events).order_by(events.c.event_id)).all()
    assert len(rows) == len(sent)
    for row, one in zip(rows, sent, strict=True):  # ids made here ascend
        assert json.loads(row.features) == one["features"]
        assert (json.loads(row.y_pred), type(json.loads(row.y_pred))) == (one["y_pred"], type(one["y_pred"]))
        assert row.y_proba == one.get("y_proba")
        assert row.ts_us == INSTANTS.get(one["timestamp"], 1357128000000000)
        assert (row.segment, row.model_version) == (one.get("segment"), one.get("model_version"))
        assert (row.endpoint, row.latency_ms) == ("predict", 42.0)
    assert [row.request_id for row in rows[-len(INSTANTS) :]] == ["r"] * len(INSTANTS)


@pytest.mark.parametrize("latency", [..., None, float("nan")])
@pytest.mark.parametrize("batched", [False, True])
async def test_an_event_may_have_no_latency(
    analyst: httpx.AsyncClient, database: Database, latency: object, *, batched: bool
) -> None:
    body = json.dumps(event(latency_ms=latency))
    headers = {"Content-Type": "application/x-ndjson" if batched else "application/json"}
    answer = await analyst.post(MANY if batched else ONE, content=body, headers=headers)
    assert answer.status_code == (200 if batched else 201)
    with database.read() as connection:
        assert connection.scalars(select(events.c.latency_ms)).all() == [None]


async def test_a_timestamp_within_the_skew_is_taken(analyst: httpx.AsyncClient) -> None:
    assert (await analyst.post(ONE, json=event(timestamp=from_now(seconds=200)))).status_code == 201
