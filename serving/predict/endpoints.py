"""`POST /predict`: raw ASGI as the event routes, because most of its time would be a framework's.

One service call; what a body may say is `schemas`.
"""

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from serving.events.answers import request_id, send_json
from serving.events.body import whole_body
from serving.events.endpoints import sender
from serving.predict.service import PredictService, as_json


class _Predict:
    """One row or many."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = await sender(scope)
        service: PredictService = scope["app"].state.services.predict
        body = await whole_body(scope, receive, service.max_body_bytes)
        request, answer = await service.answer(body, principal, request_id(scope))
        await send_json(send, 200, as_json(request, answer, request_id(scope)))


_predict = _Predict()
routes = [
    Route("/predict", _predict, methods=["POST"], name="predict"),
    Route("/api/v1/predict", _predict, methods=["POST"], name="predict_v1"),
]
