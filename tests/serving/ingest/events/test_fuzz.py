"""Whatever is sent, the answer is one that is described: never a 500, and every row of a batch is accounted for."""

import asyncio
import gzip
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from guard_core.settings import Settings
from tests.support.event_requests import MANY, ONE, encode_arrow, event, make_events, make_table, send_raw, serving
from tests.support.event_rows import read_day_states, stored_ids

KINDS = ("application/json", "application/x-ndjson", "application/vnd.apache.arrow.stream")
TEXT = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(
    ["\0", "\ud800", "2013-01-02T03:04:05Z", "9" * 400]
)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([1e999, 10**400])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from([*event(), "event_id", "segment", "request_id", "model_version", "more"])
EVENTS = st.builds(
    lambda changes, features: {**event(features={"x": 1, **features}), **changes},
    st.dictionaries(FIELDS.filter(lambda name: name != "project_id"), JSON, max_size=2),
    st.dictionaries(TEXT, JSON, max_size=3),
)
STREAM = encode_arrow(make_table(make_events(3)))


@st.composite
def damaged_streams(draw: st.DrawFn) -> bytes:
    """An Arrow stream with some bytes changed and its end perhaps missing."""
    body = bytearray(STREAM)
    for place in draw(st.lists(st.integers(0, len(body) - 1), max_size=6)):
        body[place] = draw(st.integers(0, 255))
    return bytes(body[: draw(st.integers(0, 2 * len(body)))])


@pytest.mark.usefixtures("_logging_as_before")
def test_no_body_ends_in_a_server_error_and_every_row_is_accounted_for(settings: Settings) -> None:
    context = serving(settings)
    with asyncio.Runner() as runner:
        services, client = runner.run(context.__aenter__())
        try:
            _bytes(runner, client)
            _rows(runner, client)
            found = read_day_states(services.database).values()
            assert sum(one["events"] for one in found) == len(stored_ids(services.database)) > 0
        finally:
            runner.run(context.__aexit__(None, None, None))


def _bytes(runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
    @tried(max_examples=150, derandomize=True, suppress_health_check=list(HealthCheck))
    @example(b"[1e", KINDS[0], MANY, "gzip")
    @given(
        st.binary(max_size=200) | damaged_streams() | JSON.map(lambda value: json.dumps(value).encode()),
        st.sampled_from(KINDS),
        st.sampled_from([ONE, MANY, f"{MANY}?atomic=true"]),
        st.sampled_from(["identity", "gzip", "gzip, really", "zstd"]),
    )
    def check(body: bytes, kind: str, path: str, encoding: str) -> None:
        sent = gzip.compress(body) if encoding == "gzip" and len(body) % 2 else body
        encoding = encoding.partition(",")[0]
        answer = runner.run(send_raw(client, sent, path, Content_Type=kind, Content_Encoding=encoding))
        assert answer.status_code in {200, 201, 400, 404, 413, 415, 422}, answer.text

    check()


def _rows(runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
    @tried(max_examples=100, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(EVENTS | JSON, max_size=6))
    def check(rows: list[Any]) -> None:
        for body, kind in (
            (json.dumps(rows).encode(), KINDS[0]),
            (b"\n".join(json.dumps(row).encode() for row in rows), KINDS[1]),
        ):
            answer = runner.run(send_raw(client, body, Content_Type=kind))
            if answer.status_code == 400:  # a number of too many digits ends the reading
                assert "digits" in answer.text
                continue
            assert answer.status_code == 200, answer.text
            counts = answer.json()
            assert counts["accepted"] + counts["duplicates"] + counts["rejected"] == len(rows)
            assert len(counts["errors"]) == counts["rejected"]

    check()
