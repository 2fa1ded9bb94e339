"""A batch means the same as JSON, NDJSON and Arrow, compressed or not; bodies that mean nothing are said to."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
import pyarrow as pa
import pytest
import zstandard
from sqlalchemy import select

from guard_core.settings import Settings
from guard_store.db.database import Database
from guard_store.ingest.tables import events
from tests.support.event_requests import (
    MANY,
    ONE,
    encode_arrow,
    event,
    gzip_rows,
    make_events,
    make_table,
    ndjson,
    send_lines,
    send_raw,
    serving,
)
from tests.support.event_rows import stored_ids
from tests.support.settings import with_values

pytestmark = pytest.mark.usefixtures("project")

ARROW = "application/vnd.apache.arrow.stream"
LINES = "application/x-ndjson"


async def _features(database: Database) -> list[Any]:
    with database.read() as connection:
        return [json.loads(text) for text in connection.execute(select(events.c.features)).scalars()]


async def test_arrow_streams_mean_what_json_means(analyst: httpx.AsyncClient, database: Database) -> None:
    features = {"age": 29.0, "balance": 1200.5}
    for number, way in enumerate(("struct", "map", "columns")):
        rows = [{**row, "event_id": f"{way}-{row['event_id']}"} for row in make_events(7, features=features)]
        answer = await send_raw(analyst, encode_arrow(make_table(rows, way)), Content_Type=ARROW)
        assert answer.json() == {"accepted": 7, "duplicates": 0, "rejected": 0, "errors": []}, way
        assert await _features(database) == [features] * 7 * (number + 1)
    with database.read() as connection:
        assert set(connection.execute(select(events.c.ts_us)).scalars()) == {1357128000000000}


async def test_arrow_nulls_leave_optional_fields_out_and_bad_values_are_named(analyst: httpx.AsyncClient) -> None:
    good = make_table(make_events(3))
    nulls = pa.array([None, "a", None])
    answer = await send_raw(analyst, encode_arrow(good.append_column("segment", nulls)), Content_Type=ARROW)
    assert answer.json()["accepted"] == 3
    at = good.column_names.index("timestamp")
    naive = good.set_column(at, "timestamp", good["timestamp"].cast(pa.timestamp("us")))
    answer = await send_raw(analyst, encode_arrow(naive), Content_Type=ARROW)
    assert [(e["index"], e["field"]) for e in answer.json()["errors"]] == [(n, "timestamp") for n in range(3)]
    assert "has no offset" in answer.json()["errors"][0]["reason"]
    infinite = make_table(make_events(1, features={"x": float("inf")}))
    answer = await send_raw(analyst, encode_arrow(infinite), Content_Type=ARROW)
    assert answer.json()["errors"][0]["field"] == "features.x"


async def test_arrow_that_events_cannot_be_is_refused_by_column(analyst: httpx.AsyncClient) -> None:
    good = make_table(make_events(2))
    long_words = pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array(["x" * 10_000]))
    cases = [
        (encode_arrow(good.append_column("features.x", pa.array([1, 2]))), 422, "not as both"),
        (encode_arrow(good.append_column("segment", pa.array([[1], [2]]))), 422, "'segment' is of type list"),
        (encode_arrow(good.append_column("segment", long_words)), 422, "value of a dictionary, view or run is longer"),
        (encode_arrow(good.append_column("endpoint", pa.array(["a", "b"]))), 422, "same name"),
        (
            encode_arrow(good.drop_columns(["features"]).append_column("features", pa.array([1, 2]))),
            422,
            "struct or a map",
        ),
        (encode_arrow(good, compression="zstd"), 422, "compress the body by Content-Encoding"),
        (encode_arrow(good)[:-300], 400, "not an Arrow IPC stream"),
        (b"hello", 400, "not an Arrow IPC stream"),
        (b"", 400, "not an Arrow IPC stream"),
    ]
    for body, status, words in cases:
        answer = await send_raw(analyst, body, Content_Type=ARROW)
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


async def test_compressed_bodies_are_read_in_every_format(analyst: httpx.AsyncClient) -> None:
    compressions: list[tuple[str, Callable[[bytes], bytes]]] = [
        ("identity", bytes),
        ("gzip", gzip.compress),
        ("GZIP", lambda body: gzip.compress(body[:1000]) + gzip.compress(body[1000:])),
        ("zstd", zstandard.compress),
        ("zstd", lambda body: zstandard.compress(body[:1000]) + zstandard.compress(body[1000:])),
    ]
    rows = make_events(2_000)
    assert (await analyst.post(MANY, json=rows)).json()["accepted"] == 2_000
    for kind, body in (
        ("application/json", json.dumps(rows).encode()),
        (LINES, ndjson(rows)),
        (ARROW, encode_arrow(make_table(rows))),
    ):
        for encoding, compress in compressions:
            answer = await send_raw(analyst, compress(body), Content_Type=kind, Content_Encoding=encoding)
            assert answer.json() == {"accepted": 0, "duplicates": 2_000, "rejected": 0, "errors": []}


async def test_bodies_that_cannot_be_read_are_answered_with_the_reason(
    analyst: httpx.AsyncClient, database: Database
) -> None:
    array = json.dumps(make_events(1)).encode()
    cases: list[tuple[bytes, dict[str, str], str, int, str]] = [
        (b"", {}, MANY, 400, "not a JSON array"),
        (b"{}", {}, MANY, 400, "not a JSON array of events; a single event goes to POST /api/v1/events"),
        (array[:-1], {}, MANY, 400, "malformed JSON"),
        (array + b"x", {}, MANY, 400, "malformed JSON"),
        (array[:-1] + b",]", {}, MANY, 400, "malformed JSON"),
        (b"[\xff]", {}, MANY, 400, "not UTF-8 (byte 1)"),
        (b"[" * 100_000, {}, MANY, 400, "nested too deeply"),
        (b"[" + b"1" * 5_000 + b"]", {}, MANY, 400, "too many digits"),
        (b"", {}, ONE, 400, "not one JSON object"),
        (b"{", {}, ONE, 400, "malformed JSON"),
        (b"{} {}", {}, ONE, 400, "not one JSON object"),
        (array, {"Content_Type": "text/csv"}, MANY, 415, "send application/json, application/x-ndjson or"),
        (array, {"Content_Type": "application/x-www-form-urlencoded"}, ONE, 415, "send application/json"),
        (array, {"Content_Encoding": "br"}, MANY, 415, "send gzip, zstd or none"),
        (array, {"Content_Encoding": "gzip"}, MANY, 400, "not gzip"),
        (array, {"Content_Encoding": "zstd"}, MANY, 400, "not zstd"),
        (gzip.compress(array)[:-9], {"Content_Encoding": "gzip"}, MANY, 400, "gzip body ends too early"),
        (zstandard.compress(array)[:-9], {"Content_Encoding": "zstd"}, MANY, 400, "zstd body ends too early"),
    ]
    for body, headers, path, status, words in cases:
        answer = await send_raw(analyst, body, path, **headers)
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert stored_ids(database) == []


async def test_a_line_that_is_not_json_fails_alone(analyst: httpx.AsyncClient) -> None:
    good = json.dumps(event()).encode()
    lines = [good, b"{", b"", good + b" " + good, b"   ", b"\xff", good, good[:-1]]
    answer = (await send_raw(analyst, b"\r\n".join(lines), Content_Type=LINES)).json()
    assert (answer["accepted"], answer["rejected"]) == (2, 4)
    assert [(error["index"], error["field"]) for error in answer["errors"]] == [(n, "row") for n in (1, 2, 3, 5)]
    assert "malformed JSON" in answer["errors"][0]["reason"]


async def test_json_that_python_writes_loosely_fails_only_its_row(analyst: httpx.AsyncClient) -> None:
    rows = [event(), event(features={"x": float("inf")}), event()]
    answer = (await send_raw(analyst, json.dumps(rows).encode())).json()
    assert (answer["accepted"], answer["rejected"], answer["errors"][0]["field"]) == (2, 1, "features.x")


@pytest.mark.usefixtures("_logging_as_before")
async def test_limits_hold_for_rows_and_for_bytes_before_and_after_decompression(settings: Settings) -> None:
    small = with_values(settings, max_body_bytes=200_000, ingest_max_batch_rows=100)
    bomb = b" " * 50_000_000
    async with serving(small) as (services, client):
        assert (await client.post(MANY, json=make_events(100))).json()["accepted"] == 100
        many = make_events(101)
        for answer in (
            await client.post(MANY, json=many),
            await send_lines(client, many),
            await send_raw(client, encode_arrow(make_table(many)), Content_Type=ARROW),
            await send_raw(client, b"[" + b"1," * 99_000 + b"1]"),
        ):
            assert (answer.status_code, "more than 100 rows" in answer.json()["detail"]) == (413, True)
        for body, encoding in (
            (b" " * 200_001, "identity"),
            (gzip.compress(bomb), "gzip"),
            (zstandard.compress(bomb), "zstd"),
            (gzip_rows([event(features={"x": "y" * 1000})] * 300), "gzip"),
        ):
            for kind in ("application/json", LINES, ARROW):
                answer = await send_raw(client, body, Content_Encoding=encoding, Content_Type=kind)
                assert (answer.status_code, "larger than 200000 bytes" in answer.text) == (413, True)
        assert len(stored_ids(services.database)) == 100
        assert services.events.queue_depth == 0


async def test_arrow_timestamps_may_be_text(analyst: httpx.AsyncClient) -> None:
    rows = make_events(2)
    text = make_table(rows)
    text = text.set_column(text.column_names.index("timestamp"), "timestamp", pa.array([r["timestamp"] for r in rows]))
    assert (await send_raw(analyst, encode_arrow(text), Content_Type=ARROW)).json()["accepted"] == 2
