"""`POST /api/v1/labels`: one label or many, raw ASGI as the event routes.

One service call; what a body may be is `serving.ingest.formats`, what a label may be is `schemas`.
"""

from functools import partial

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from serving.http.problems import Unprocessable
from serving.http.raw_answers import is_atomic, listed, refuse_atomic, request_id, send_json, summary
from serving.ingest.events.endpoints import on_record, sending
from serving.ingest.formats import read_batch
from serving.ingest.labels.service import LabelService


class _Labels:
    """One label as a JSON object, or many."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal, sender = await sending(scope)
        service: LabelService = scope["app"].state.services.labels
        atomic = is_atomic(scope)
        batch = service.new_batch()
        service.require_room()
        await read_batch(scope, receive, service.schema, batch, service.max_body_bytes)
        event_id = batch.rows[0].event_id if batch.is_object and batch.rows else None
        authorise = partial(principal.require, "analyst")
        receipt = await service.take(batch, authorise, request_id(scope), sender, atomic=atomic)
        if atomic:
            refuse_atomic(receipt, batch.n)
        on_record(scope, receipt)
        if not batch.is_object:
            await send_json(send, 200, summary(receipt, batch.n))
            return
        if receipt.errors:
            error = receipt.errors[0]
            raise Unprocessable(f"{error.field} {error.reason}.", **listed(receipt.errors))
        status, word = (200, "duplicate") if receipt.outcome.duplicates else (201, "accepted")
        await send_json(send, status, {"event_id": event_id, "status": word})


routes = [Route("/api/v1/labels", _Labels(), methods=["POST"], name="send_labels")]
