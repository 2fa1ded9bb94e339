"""Events as a client sends them, in each format, and what the database holds afterwards."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyarrow as pa

from guard_core.settings import Settings
from serving.app import Services, create_app

ONE, MANY = "/api/v1/events", "/api/v1/events/batch"


def event(**changed: Any) -> dict[str, Any]:
    """Return an event of the contract; a field given as `...` is left out."""
    made = {
        "project_id": "flights",
        "model_id": "delay_v1",
        "endpoint": "predict",
        "timestamp": "2013-01-02T12:00:00Z",
        "latency_ms": 42,
        "y_pred": 1,
        "y_proba": 0.81,
        "features": {"age": 29, "balance": 1200.5, "country": "CA", "member": True, "note": None},
        **changed,
    }
    return {name: value for name, value in made.items() if value is not ...}


def make_events(n: int, **changed: Any) -> list[dict[str, Any]]:
    """Make events with the ids e0, e1 and so on."""
    return [event(event_id=f"e{i}", **changed) for i in range(n)]


def ndjson(rows: list[Any]) -> bytes:
    """Encode rows as NDJSON, one value a line."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def from_now(**delta: float) -> str:
    """Return an instant relative to now."""
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[Services, httpx.AsyncClient]]:
    """Run a separate app with the project, and a client that may send to it."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        services: Services = app.state.services
        if services.projects.get("flights") is None:
            services.projects.create("flights", "Flights", "America/New_York")
        _, key = services.keys.create("sender", "analyst")
        transport, headers = httpx.ASGITransport(app), {"X-API-Key": key}
        async with httpx.AsyncClient(transport=transport, base_url="http://guard", headers=headers) as client:
            yield services, client


async def send_lines(client: httpx.AsyncClient, rows: list[Any]) -> httpx.Response:
    """Send a batch as NDJSON."""
    return await client.post(MANY, content=ndjson(rows), headers={"Content-Type": "application/x-ndjson"})


async def send_raw(client: httpx.AsyncClient, body: bytes, path: str = MANY, **headers: str) -> httpx.Response:
    """Send bytes with headers; underscores of their names are hyphens."""
    named_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post(path, content=body, headers={"Content-Type": "application/json", **named_headers})


def gzip_rows(rows: list[Any]) -> bytes:
    """Compress rows as a gzipped JSON array."""
    return gzip.compress(json.dumps(rows).encode())


def encode_arrow(table: pa.Table, **options: Any) -> bytes:
    """Encode a table as an Arrow IPC stream, in batches of three rows."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=3)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def make_table(rows: list[dict[str, Any]], features: str = "struct") -> pa.Table:
    """Make a table of events, their features in one of the three ways that are read: "struct", "map", or a column each."""
    plain = {name: [row[name] for row in rows] for name in rows[0] if name != "features"}
    plain["timestamp"] = [datetime.fromisoformat(row["timestamp"]) for row in rows]
    columns = {name: pa.array(values) for name, values in plain.items()}
    columns["timestamp"] = columns["timestamp"].cast(pa.timestamp("ns", tz="America/New_York"))
    columns["model_id"] = columns["model_id"].dictionary_encode()
    if features == "struct":
        columns["features"] = pa.array([row["features"] for row in rows])
    elif features == "map":
        kind = pa.map_(pa.string(), pa.float64())
        columns["features"] = pa.array([list(row["features"].items()) for row in rows], kind)
    else:
        for name in rows[0]["features"]:
            columns[f"features.{name}"] = pa.array([row["features"][name] for row in rows])
    return pa.table(columns)
