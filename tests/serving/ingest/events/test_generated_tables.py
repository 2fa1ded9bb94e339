"""Generated tables as batches of events: each row is stored with its values, or refused with an error that names its field."""

import json
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from guard_core.settings import Settings
from guard_store.db.database import Database
from tests.support.event_requests import encode_arrow, ndjson, send_raw
from tests.support.generated_tables import (
    expected_values,
    generate_events,
    generate_table,
    stored_values,
    table_seeds,
    unacceptable_fields,
)

pytestmark = pytest.mark.usefixtures("project")
JSON, NDJSON, ARROW = "application/json", "application/x-ndjson", "application/vnd.apache.arrow.stream"
LISTED_ERRORS = 100  # more rows in a batch might be rejected without being listed


@pytest.mark.parametrize("kind", [JSON, NDJSON, ARROW])
async def test_every_row_of_a_table_is_stored_or_refused_by_its_field(
    analyst: httpx.AsyncClient, database: Database, settings: Settings, kind: str
) -> None:
    for seed in table_seeds():
        events = generate_events(generate_table(np.random.default_rng(seed)), f"t{seed}")
        rows = events if kind == ARROW else [_plain(row) for row in events]
        stored = {}
        for start in range(0, len(rows), LISTED_ERRORS):
            batch = rows[start : start + LISTED_ERRORS]
            problems = await _send(analyst, batch, kind, seed)
            for index, row in enumerate(batch):
                fields = unacceptable_fields(row, settings.ingest.max_value_length)
                assert problems.get(index, "") in (fields or {""}), (seed, row)
                if index not in problems:
                    stored[row["event_id"]] = expected_values(row)
        assert stored_values(database, f"t{seed}") == stored, seed


async def test_repeated_names_of_an_arrow_table_are_refused_by_name(analyst: httpx.AsyncClient) -> None:
    columns = _columns(generate_events(generate_table(np.random.default_rng(0), regular=True), "repeated"))
    name = next(name for name in columns if name.startswith("features."))
    repeated = pa.Table.from_arrays([*columns.values(), columns[name]], [*columns, name])
    answer = await send_raw(analyst, encode_arrow(repeated), Content_Type=ARROW)
    assert answer.status_code == 422
    assert repr(name) in answer.json()["detail"]


async def _send(client: httpx.AsyncClient, rows: list[dict[str, Any]], kind: str, seed: int) -> dict[int, str]:
    """Send a batch, and return the fields of the rejected rows by index."""
    answer = await send_raw(client, _encode(rows, kind, seed), Content_Type=kind)
    assert answer.status_code == 200, (seed, answer.text)
    summary = answer.json()
    assert summary["accepted"] + summary["rejected"] == len(rows)
    assert len(summary["errors"]) == summary["rejected"]
    return {error["index"]: error["field"] for error in summary["errors"]}


def _encode(rows: list[dict[str, Any]], kind: str, seed: int) -> bytes:
    if kind == JSON:
        return json.dumps(rows).encode()
    if kind == NDJSON:
        return ndjson(rows)
    columns = _columns(rows)
    if seed % 2:
        features = {name.removeprefix("features."): columns.pop(name) for name in list(columns) if "features." in name}
        columns["features"] = pa.table(features).to_struct_array()
    return encode_arrow(pa.table(columns))


def _columns(rows: list[dict[str, Any]]) -> dict[str, pa.Array]:
    """Return the fields as Arrow columns, with a column for each feature."""
    fields = {name: [row[name] for row in rows] for name in rows[0] if name not in {"features", "timestamp"}}
    features = {f"features.{name}": [row["features"][name] for row in rows] for name in rows[0]["features"]}
    instants = pd.to_datetime([row["timestamp"] for row in rows])
    columns = {**fields, **features, "timestamp": instants.tolist()}
    return {name: pa.array(values, _long_type(values), from_pandas=True) for name, values in columns.items()}


def _long_type(values: list[Any]) -> pa.DataType | None:
    """Return the type of integers beyond 64 bits with a sign, which PyArrow does not infer; None for other values."""
    return pa.uint64() if any(type(value) is int and value >= 2**63 for value in values) else None


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Write timestamps of pandas as text, as JSON has no others."""

    def plain(value: Any) -> Any:
        if isinstance(value, pd.Timestamp):
            return value.isoformat()
        return None if value is pd.NaT else value

    return {**row, "y_pred": plain(row["y_pred"]), "features": {n: plain(v) for n, v in row["features"].items()}}
