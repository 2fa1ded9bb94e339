"""`POST /predict`: raw ASGI as the event routes, because a framework's layers would take most of its time.

Parsing a body is `schemas`.
"""

from serving.http.raw_request import RawRequest, encode_json
from serving.http.raw_route import Answer, OneOf, RawRoute
from serving.http.routing import ANALYST
from serving.predict.schemas import ManyPredictions, ManyRows, OnePrediction, OneRow
from serving.predict.service import PredictService, make_response


async def _predict(request: RawRequest) -> None:
    service = request.part(PredictService)
    entry, request_id = request.entry, request.request_id
    body = await request.body(service.max_body_bytes)
    entry.add_request(body)
    predict_request, result = await service.predict(body, request.principal, request_id)
    response = encode_json(make_response(predict_request, result, request_id))
    entry.add_response(response)
    service.record(result, entry)
    await request.send_json(200, response)


def _route(path: str, name: str) -> RawRoute:
    return RawRoute(
        "POST",
        path,
        _predict,
        name=name,
        tag="predictions",
        summary="Predict one row (`features`) or many (`instances`) with the champion;"
        " each prediction is recorded as an event.",
        least=ANALYST,
        body={"application/json": OneOf((OneRow, ManyRows))},
        answers={200: Answer("The predictions of the model.", OneOf((OnePrediction, ManyPredictions)))},
    )


routes = [_route("/predict", "predict"), _route("/api/v1/predict", "predict_v1")]
