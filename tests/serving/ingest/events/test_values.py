"""Values as people's tools write them, stored as what they mean: in JSON, NDJSON and Arrow, over HTTP."""

import codecs
import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from sqlalchemy import select

from guard_store.db.database import Database
from guard_store.ingest.tables import events
from tests.support.event_requests import MANY, ONE, encode_arrow, event, make_events, make_table, ndjson, send_raw

pytestmark = pytest.mark.usefixtures("project")

ARROW = "application/vnd.apache.arrow.stream"
LINES = "application/x-ndjson"
VALUES = Path(__file__).parent / "data" / "values.ndjson"
NAN = float("nan")
ROWS = [event(**{**json.loads(line), "project_id": "flights"}) for line in VALUES.read_text().splitlines()]
ROWS[2] |= {"y_pred": NAN, "y_proba": NAN, "segment": NAN}


def stored(database: Database) -> dict[str, Any]:
    with database.read() as connection:
        rows = connection.execute(select(events)).all()
    return {row.event_id: (row.y_proba, json.loads(row.y_pred), json.loads(row.features), row.segment) for row in rows}


def encode_rows(kind: str) -> bytes:
    if kind == ARROW:
        columns = {name: [row.get(name) for row in ROWS] for name in ROWS[2]}
        columns |= {"timestamp": [datetime.now(UTC)] * 3, "segment": [None] * 3}
        return encode_arrow(pa.table(columns))
    return ndjson(ROWS) if kind == LINES else json.dumps(ROWS).encode()


@pytest.mark.parametrize("kind", ["application/json", LINES, ARROW])
async def test_rounding_of_probabilities_is_corrected_and_nan_is_missing(
    analyst: httpx.AsyncClient, database: Database, kind: str
) -> None:
    answer = await send_raw(analyst, encode_rows(kind), Content_Type=kind)
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (3, 0), answer.text
    assert stored(database) == {
        "t-4-1": (1.0, 1, {"a": 1}, None),
        "t-4-2": (0.0, 1, {"a": 1}, None),
        "t-4-3": (None, None, {"a": None}, None),
    }


async def test_a_single_event_is_corrected_alike(analyst: httpx.AsyncClient, database: Database) -> None:
    for row in ROWS:
        assert (await send_raw(analyst, json.dumps(row).encode(), ONE)).status_code == 201
    assert stored(database)["t-4-1"][0] == 1.0
    assert stored(database)["t-4-3"] == (None, None, {"a": None}, None)


async def test_a_utf8_mark_before_a_body_or_a_line_is_no_part_of_it(
    analyst: httpx.AsyncClient, database: Database
) -> None:
    mark = codecs.BOM_UTF8
    rows = make_events(4)
    bodies = [
        (mark + json.dumps(rows[0]).encode(), "application/json", ONE),
        (mark + json.dumps(rows[1:2]).encode(), "application/json", MANY),
        (mark + ndjson(rows[2:3]) + mark + ndjson(rows[3:]), LINES, MANY),
    ]
    for body, kind, path in bodies:
        assert (await send_raw(analyst, body, path, Content_Type=kind)).status_code in {200, 201}
    label = {"project_id": "flights", "event_id": "e0", "y_true": 1, "observed_at": "2013-01-03T00:00:00Z"}
    answer = await send_raw(analyst, mark + json.dumps(label).encode(), "/api/v1/labels")
    assert answer.status_code in {200, 201}, answer.text
    assert stored(database).keys() == {"e0", "e1", "e2", "e3"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (pa.array(["a", "b" * 20], pa.string_view()), "a"),
        (pa.array([b"a", b"b" * 20], pa.binary_view()), "a"),
        (pa.array([b"a", b"b"]), "a"),
        (pa.array([b"a", b"b"], pa.large_binary()), "a"),
        (pa.array([b"a", b"b"], pa.binary(1)), "a"),
        (pa.array(["a", "b"], pa.large_string()), "a"),
        (pa.array([Decimal("1.5"), None]), 1.5),
        (pa.array([Decimal("1.5"), None], pa.decimal256(60, 2)), 1.5),
        (pa.array([1.5, None], pa.float16()), 1.5),
        (pa.array([NAN, 1.0], pa.float32()), None),
        (pa.array(["a", "b"]).dictionary_encode(), "a"),
        (pa.DictionaryArray.from_arrays(pa.array([1, 0]), pa.array(["b", "a"], pa.string_view())), "a"),
        (pa.DictionaryArray.from_arrays(pa.array([1, 0]), pa.array([Decimal("2.5"), Decimal("1.5")])), 1.5),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
async def test_arrow_types_are_read_as_their_values(
    analyst: httpx.AsyncClient, database: Database, column: pa.Array, value: object
) -> None:
    rows = make_table(make_events(2)).drop_columns(["features"])
    ways = {
        "column": rows.append_column("features.x", column),
        "struct": rows.append_column("features", pa.StructArray.from_arrays([column], ["x"])),
    }
    for way, table in ways.items():
        ids = pa.array([f"{way}-0", f"{way}-1"])
        renamed = table.set_column(table.column_names.index("event_id"), "event_id", ids)
        answer = await send_raw(analyst, encode_arrow(renamed), Content_Type=ARROW)
        assert answer.json()["accepted"] == 2, answer.text
        assert stored(database)[f"{way}-0"][2] == {"x": value}


UUIDS = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"\x11" * 16, b"\x22" * 16], pa.binary(16)))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (UUIDS, "11111111-1111-1111-1111-111111111111"),
        (pa.ExtensionArray.from_storage(pa.uuid(), pa.nulls(2, pa.binary(16))), None),
        (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([2, 0], pa.int8())), True),
        (pa.ExtensionArray.from_storage(pa.json_(), pa.array(['"a"', "1"])), '"a"'),
        (pa.RunEndEncodedArray.from_arrays([2], ["a"]), "a"),
        (pa.RunEndEncodedArray.from_arrays([1, 3], [1.5, 2.5]).slice(1), 2.5),
        (pa.RunEndEncodedArray.from_arrays([1, 2], [None, "a"]), None),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
async def test_extension_types_and_runs_of_arrow_are_read_as_their_values(
    analyst: httpx.AsyncClient, database: Database, column: pa.Array, value: object
) -> None:
    table = make_table(make_events(2)).drop_columns(["features", "event_id"])
    table = table.append_column("features.x", column).append_column("event_id", UUIDS)
    answer = await send_raw(analyst, encode_arrow(table), Content_Type=ARROW)
    assert answer.json()["accepted"] == 2, answer.text
    assert stored(database)["11111111-1111-1111-1111-111111111111"][2] == {"x": value}


async def test_streams_of_arrow_that_follow_each_other_are_all_read(
    analyst: httpx.AsyncClient, database: Database
) -> None:
    parts = [
        encode_arrow(make_table([event(event_id=f"e{number}", features={name: 1})])) for number, name in enumerate("ab")
    ]
    answer = await send_raw(analyst, b"".join(parts), Content_Type=ARROW)
    assert answer.json()["accepted"] == 2, answer.text
    assert [row[2] for row in stored(database).values()] == [{"a": 1}, {"b": 1}]
    compressed = encode_arrow(make_table(make_events(1)), compression="zstd")
    for rest, status in [(compressed, 422), (b"rest", 400)]:
        assert (await send_raw(analyst, parts[0] + rest, Content_Type=ARROW)).status_code == status


async def test_a_map_of_views_and_decimals_is_read(analyst: httpx.AsyncClient, database: Database) -> None:
    kind = pa.map_(pa.string_view(), pa.decimal128(5, 2))
    features = pa.array([[("x", Decimal("1.5"))], [("y", None)]], kind)
    table = make_table(make_events(2)).drop_columns(["features"]).append_column("features", features)
    assert (await send_raw(analyst, encode_arrow(table), Content_Type=ARROW)).json()["accepted"] == 2
    assert [row[2] for row in stored(database).values()] == [{"x": 1.5}, {"y": None}]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([b"\xff", b"a"]), "Column 'features.x' holds bytes that are not UTF-8: send text"),
        (
            pa.array(["v" * 5_000, "a"], pa.string_view()),
            "'features.x': a value of a dictionary, view or run is longer",
        ),
        (
            pa.RunEndEncodedArray.from_arrays([2], ["v" * 5_000]),
            "'features.x': a value of a dictionary, view or run is longer",
        ),
        (pa.array([[1], [2]]), "Column 'features.x' is of type list<item: int64>: send numbers, strings"),
        (
            pa.array([2**60, 0]).cast(pa.timestamp("s", "UTC")),
            "'features.x' holds an instant outside the years 1 to 9999",
        ),
        (pa.array([-(2**62), 0]).cast(pa.timestamp("us")), "'features.x' holds an instant outside the years 1 to 9999"),
    ],
)
async def test_an_arrow_column_that_has_no_such_values_is_named_with_the_cure(
    analyst: httpx.AsyncClient, column: pa.Array, words: str
) -> None:
    table = make_table(make_events(2)).drop_columns(["features"]).append_column("features.x", column)
    answer = await send_raw(analyst, encode_arrow(table), Content_Type=ARROW)
    assert (answer.status_code, words in answer.json()["detail"]) == (422, True), answer.text


@pytest.mark.parametrize("kind", ["application/json", LINES, ARROW])
async def test_a_row_of_five_thousand_features_is_stored(
    analyst: httpx.AsyncClient, database: Database, kind: str
) -> None:
    features = {f"feature-{n}": n / 3 for n in range(5_000)}
    rows = make_events(3, features=features)
    bodies = {LINES: ndjson(rows), ARROW: encode_arrow(make_table(rows, "columns"))}
    answer = await send_raw(analyst, bodies.get(kind, json.dumps(rows).encode()), Content_Type=kind)
    assert answer.json()["accepted"] == 3, answer.text
    assert stored(database)["e2"][2] == features


@pytest.mark.parametrize(
    "text",
    [
        "2013-01-02T12:00:00.000+0000",
        "2013-01-02 13:00:00+01",
        "2013-01-02 12:00:00 UTC",
        "2013-01-02 12:00:00.000000 UTC",
        "2013-01-02T12:00Z",
        "20130102T120000Z",
        "2013-01-02T17:30:00,000+05:30",
        "2013-01-02T13:00:00+01:00[Europe/Paris]",
        "2013-01-02T12:00:00Z[UTC][u-ca=gregory]",
        "2013-01-02 12:00:00 +0000 UTC",
        "2013-01-02 07:00:00.000000000 -0500 EST",
        "2013-01-02 12:00:00 GMT",
    ],
)
async def test_an_instant_is_read_as_databases_and_tools_write_it(
    analyst: httpx.AsyncClient, database: Database, text: str
) -> None:
    rows = make_events(2, timestamp=text)
    assert (await analyst.post(MANY, json=rows[:1])).json()["accepted"] == 1
    assert (await send_raw(analyst, ndjson(rows[1:]), Content_Type=LINES)).json()["accepted"] == 1
    label = {"project_id": "flights", "event_id": "e0", "y_true": 1, "observed_at": text}
    assert (await analyst.post("/api/v1/labels", json=[label])).json()["accepted"] == 1
    with database.read() as connection:
        assert set(connection.execute(select(events.c.ts_us)).scalars()) == {1_357_128_000_000_000}


@pytest.mark.parametrize(
    "text", ["2013-01-02", "20130102", "2013-01-02 12:00:00", "2013-01-02T12:00", "2013-01-02T12:00[Europe/Paris]"]
)
async def test_a_date_or_an_instant_without_an_offset_is_refused_with_the_cure(
    analyst: httpx.AsyncClient, text: str
) -> None:
    (error,) = (await analyst.post(MANY, json=make_events(1, timestamp=text))).json()["errors"]
    assert (error["field"], "has no offset: send UTC" in error["reason"]) == ("timestamp", True)


@pytest.mark.parametrize("name", ["ndjson", "jsonl", "jsonlines", "x-jsonlines", "x-ndjson; charset=utf-8"])
async def test_lines_of_json_have_many_content_types(analyst: httpx.AsyncClient, name: str) -> None:
    answer = await send_raw(analyst, ndjson(make_events(2)), Content_Type=f"application/{name}")
    assert answer.json()["accepted"] == 2, answer.text


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "+05:30", "Nowhere/Unknown"])
async def test_an_arrow_timestamp_is_its_instant_whatever_its_unit_and_zone(
    analyst: httpx.AsyncClient, database: Database, unit: str, zone: str
) -> None:
    table = make_table(make_events(2))
    instants = pa.array([1_357_128_000, None], pa.int64()).cast(pa.timestamp("s", "UTC")).cast(pa.timestamp(unit, zone))
    table = table.set_column(table.column_names.index("timestamp"), "timestamp", instants)
    answer = (await send_raw(analyst, encode_arrow(table), Content_Type=ARROW)).json()
    assert (answer["accepted"], [error["field"] for error in answer["errors"]]) == (1, ["timestamp"])
    with database.read() as connection:
        assert connection.scalar(select(events.c.ts_us)) == 1_357_128_000_000_000


@pytest.mark.parametrize(
    "features",
    [
        pa.StructArray.from_arrays([pa.array([1, 2]), pa.array([3, 4])], ["a", "a"]),
        pa.array([[("a", 1), ("a", 2)], []], pa.map_(pa.string(), pa.int64())),
    ],
    ids=["struct", "map"],
)
async def test_a_feature_twice_in_arrow_is_refused_by_its_name(analyst: httpx.AsyncClient, features: pa.Array) -> None:
    table = make_table(make_events(2)).drop_columns(["features"]).append_column("features", features)
    answer = await send_raw(analyst, encode_arrow(table), Content_Type=ARROW)
    assert (answer.status_code, "the same name 'a'" in answer.json()["detail"]) == (422, True), answer.text


@pytest.mark.parametrize(
    ("body", "kind", "cure"),
    [
        (json.dumps(make_events(1)).encode("utf-16"), "application/json", "encode it as UTF-8"),
        (
            gzip.compress(json.dumps(make_events(1)).encode()),
            "application/json",
            "name each compression in Content-Encoding",
        ),
        (ndjson(make_events(2)), "application/json", "lines of JSON have the Content-Type application/x-ndjson"),
        (b"ARROW1\0\0" + b"\0" * 100, ARROW, "the file formats of Arrow and Parquet are none"),
    ],
    ids=["utf-16", "gzip", "lines", "file"],
)
async def test_a_body_in_another_format_is_refused_with_the_cure(
    analyst: httpx.AsyncClient, body: bytes, kind: str, cure: str
) -> None:
    answer = await send_raw(analyst, body, Content_Type=kind)
    assert (answer.status_code, cure in answer.json()["detail"]) == (400, True), answer.text


REPEATED = "comes twice in one object: send each name once"


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('"y_pred": 1', '"y_pred": 1, "y_pred": 0', "y_pred"),
        ('"y_pred": 1', '"y_pred" : 1, "y_pred"\t:0', "y_pred"),
        ('"y_pred": 1', '"y_pred": 1, "y_pred": 1', "y_pred"),
        ('"y_pred": 1', '"y_pred": 1, "\\u0079_pred": 0', "y_pred"),
        ('"age": 29', '"age": 29, "age": 30', "features.age"),
        ('"age": 29', '"age": 29, "a:b": ": \\":", "age": null', "features.age"),
    ],
)
async def test_a_name_twice_in_json_is_refused_and_nothing_of_its_row_is_stored(
    analyst: httpx.AsyncClient, database: Database, old: str, new: str, field: str
) -> None:
    good, bad = (json.dumps(row) for row in make_events(2))
    bad = bad.replace(old, new)
    for body, kind in [(f"[{good}, {bad}]", "application/json"), (f"{good}\n{bad}\n", LINES)]:
        answer = await send_raw(analyst, body.encode(), Content_Type=kind)
        assert answer.json()["errors"] == [{"index": 1, "field": field, "reason": REPEATED}]
    answer = await send_raw(analyst, bad.encode(), ONE)
    assert (answer.status_code, answer.json()["detail"]) == (422, f"{field} {REPEATED}.")
    assert stored(database).keys() == {"e0"}


async def test_a_label_with_a_name_twice_is_refused(analyst: httpx.AsyncClient) -> None:
    label = (
        b'{"project_id": "flights", "event_id": "e", "y_true": 0, "y_true": 1, "observed_at": "2013-01-03T00:00:00Z"}'
    )
    answer = await send_raw(analyst, label, "/api/v1/labels")
    assert (answer.status_code, answer.json()["detail"]) == (422, f"y_true {REPEATED}.")


async def test_text_that_only_resembles_a_name_is_a_value(analyst: httpx.AsyncClient, database: Database) -> None:
    values = {"a": '"x": 1', "b : c": "10 : 30", "d": None}
    rows = make_events(1, features=values, segment=None, endpoint=None)
    assert (await send_raw(analyst, json.dumps(rows).encode())).json()["accepted"] == 1
    assert stored(database)["e0"][2] == values
