"""`POST /api/v1/labels`: one label or many, raw ASGI as the event routes.

Parsing a body is `serving.ingest.formats`; the contract of a label is `schemas`.
"""

from typing import Annotated

from msgspec import Meta

from serving.http.problems import Unprocessable
from serving.http.raw_request import RawRequest
from serving.http.raw_route import Answer, OneOf, RawRoute
from serving.http.routing import ANALYST
from serving.ingest.answers import (
    ATOMIC,
    ENCODING,
    Acknowledgement,
    Summary,
    acknowledge,
    list_errors,
    summarise,
)
from serving.ingest.batches import receive_batch
from serving.ingest.formats import ARROW, JSON, NDJSON
from serving.ingest.labels.schemas import Label
from serving.ingest.labels.service import LabelService

_Lines = Annotated[str, Meta(description="One label a line, as JSON.")]
_Stream = Annotated[str, Meta(description="Columns are the fields of a label.", extra_json_schema={"format": "binary"})]


async def _send_labels(request: RawRequest) -> None:
    batch, receipt = await receive_batch(request, request.part(LabelService))
    if not batch.is_object:
        await request.send_json(200, summarise(receipt, batch.n))
        return
    if receipt.errors:
        error = receipt.errors[0]
        raise Unprocessable(f"{error.field} {error.reason}.", **list_errors(receipt.errors))
    await request.send_json(*acknowledge(batch.rows[0].event_id, is_duplicate=bool(receipt.outcome.duplicates)))


routes = [
    RawRoute(
        "POST",
        "/api/v1/labels",
        _send_labels,
        name="send_labels",
        tag="labels",
        summary="Send one label (an object) or many, the true outcomes of events, in one transaction;"
        " the answer comes when they are durable.",
        least=ANALYST,
        parameters=[ATOMIC, ENCODING],
        body={JSON: OneOf((Label, list[Label])), NDJSON: _Lines, ARROW: _Stream},
        answers={
            201: Answer("One label, stored.", Acknowledgement),
            200: Answer("One label stored before; or the outcome of many.", OneOf((Acknowledgement, Summary))),
        },
    )
]
