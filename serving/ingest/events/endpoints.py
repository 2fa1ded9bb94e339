"""`POST /api/v1/events` and `/api/v1/events/batch`: raw ASGI, because at this rate a framework's layers would dominate.

Parsing a body is `formats`; the contract of an event is `schemas`.
"""

from functools import partial
from typing import Annotated

from msgspec import Meta

from serving.http.problems import UnsupportedMedia
from serving.http.raw_request import RawRequest
from serving.http.raw_route import Answer, RawRoute
from serving.http.routing import ANALYST
from serving.ingest.answers import (
    ATOMIC,
    ENCODING,
    Acknowledgement,
    Summary,
    acknowledge,
    sender_of,
    summarise,
)
from serving.ingest.batches import receive_batch
from serving.ingest.events.schemas import Event
from serving.ingest.events.service import EventService
from serving.ingest.formats import ARROW, JSON, NDJSON, media_type, read_row

_BATCH = "/api/v1/events/batch"
_Lines = Annotated[str, Meta(description="One event a line, as JSON.")]
_Stream = Annotated[
    str,
    Meta(
        description="Columns are the fields of an event; features are a struct or map column `features`, or columns"
        " `features.<name>`. Timestamps are text or have a time zone. Batches inside are not compressed.",
        extra_json_schema={"format": "binary"},
    ),
]


async def _send_event(request: RawRequest) -> None:
    service = request.part(EventService)
    content_type = request.header(b"content-type")
    if media_type(content_type) not in {"", JSON}:
        raise UnsupportedMedia(
            f"Content-Type {content_type[:80]!r} is not supported: send {JSON} (the header Content-Type: {JSON});"
            f" batches go to POST {_BATCH}."
        )
    service.require_room()
    checked = read_row(await request.body(service.max_body_bytes), service.schema, batch_path=_BATCH)
    authorise = partial(request.principal.require, "analyst")
    event_id, is_duplicate = await service.store_event(checked, authorise, request.request_id, sender_of(request))
    request.entry.committed = True
    await request.send_json(*acknowledge(event_id, is_duplicate=is_duplicate))


async def _send_events(request: RawRequest) -> None:
    batch, receipt = await receive_batch(request, request.part(EventService))
    await request.send_json(200, summarise(receipt, batch.n))


routes = [
    RawRoute(
        "POST",
        "/api/v1/events",
        _send_event,
        name="send_event",
        tag="events",
        summary="Send one event; the answer comes when it is durable.",
        least=ANALYST,
        parameters=[ENCODING],
        body={JSON: Event},
        answers={
            201: Answer("Stored.", Acknowledgement),
            200: Answer("An event of this id was stored before.", Acknowledgement),
        },
    ),
    RawRoute(
        "POST",
        _BATCH,
        _send_events,
        name="send_events",
        tag="events",
        summary="Send many events (JSON array, NDJSON or Arrow IPC stream), in one transaction;"
        " the answer comes when they are durable.",
        least=ANALYST,
        parameters=[ATOMIC, ENCODING],
        body={JSON: list[Event], NDJSON: _Lines, ARROW: _Stream},
        answers={200: Answer("The outcome of the rows.", Summary)},
    ),
]
