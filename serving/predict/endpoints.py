"""`POST /predict`: raw ASGI as the event routes, because most of its time would be a framework's.

One service call; what a body may say is `schemas`.
"""

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from serving.audit.record import Record
from serving.http.body import whole_body
from serving.http.raw_answers import json_bytes, request_id, send_body
from serving.ingest.events.endpoints import sending
from serving.predict.service import PredictService, as_json


class _Predict:
    """One row or many."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal, _ = await sending(scope)
        service: PredictService = scope["app"].state.services.predict
        body = await whole_body(scope, receive, service.max_body_bytes)
        record: Record = scope["state"]["record"]
        record.request_piece(body)
        request, answer = await service.answer(body, principal, request_id(scope))
        told = json_bytes(as_json(request, answer, request_id(scope)))
        record.answer_piece(told)
        service.record(answer, record, request_id(scope), scope["route"].path)
        await send_body(send, 200, told)


_predict = _Predict()
routes = [
    Route("/predict", _predict, methods=["POST"], name="predict"),
    Route("/api/v1/predict", _predict, methods=["POST"], name="predict_v1"),
]
