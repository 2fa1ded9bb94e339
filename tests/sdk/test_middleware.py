"""The ASGI middleware: what it records, and that the host's requests and responses pass unchanged."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse
from ml_guard import BackgroundClient, PredictionMiddleware

from tests.sdk.api_double import UNREACHABLE, ApiDouble


def scoring_app(client: BackgroundClient, **options: Any) -> FastAPI:
    app = FastAPI()
    app.add_middleware(
        PredictionMiddleware,
        client=client,
        project_id="p",
        model_id="m",
        **{
            "path": "/models/{name}/score",
            "features": lambda body: body["row"],
            "prediction": lambda answer: (answer["label"], answer["score"]),
            **options,
        },
    )

    @app.post("/models/{name}/score")
    async def score(name: str, body: dict[str, Any]) -> dict[str, Any]:
        if name == "unknown":
            raise HTTPException(404)
        return {"label": "spam", "score": 0.9, "row": body["row"]}

    @app.post("/stream")
    async def stream(request: Request) -> StreamingResponse:
        received = [chunk async for chunk in request.stream()]

        async def chunks() -> AsyncIterator[bytes]:
            yield b'{"label": '
            for chunk in received:
                yield chunk
            yield b"}"

        return StreamingResponse(chunks())

    return app


def post(app: FastAPI, path: str, **request: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host") as client:
            return await client.post(path, **request)

    return asyncio.run(send())


@pytest.fixture
def background(api: ApiDouble) -> Iterator[BackgroundClient]:
    with BackgroundClient(api.url) as client:
        yield client


def test_a_response_of_the_route_is_recorded(api: ApiDouble, background: BackgroundClient) -> None:
    app = scoring_app(background, segment="s")
    response = post(app, "/models/a/score", json={"row": {"n": 1}})
    assert response.json() == {"label": "spam", "score": 0.9, "row": {"n": 1}}
    assert background.flush(10)
    (event,) = api.stored.values()
    assert (event["features"], event["y_pred"], event["y_proba"]) == ({"n": 1}, "spam", 0.9)
    assert (event["project_id"], event["model_id"], event["segment"]) == ("p", "m", "s")
    assert event["latency_ms"] > 0


def test_errors_other_routes_and_other_methods_are_not_recorded(background: BackgroundClient) -> None:
    app = scoring_app(background)
    assert post(app, "/models/unknown/score", json={"row": {}}).status_code == 404
    assert post(app, "/models/a/score", content=b"no json").status_code == 422
    assert post(app, "/models/a/b/score").status_code == 404
    assert post(scoring_app(background, method="PUT"), "/models/a/score", json={"row": {}}).status_code == 200
    assert (background.stats.queued, background.stats.dropped) == (0, {})


def test_bodies_in_chunks_pass_and_are_recorded_whole(api: ApiDouble, background: BackgroundClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"n": '
        yield b"1}"

    app = scoring_app(background, path="/stream", features=None, prediction=lambda answer: answer["label"]["n"])
    assert post(app, "/stream", content=chunks()).content == b'{"label": {"n": 1}}'
    assert background.flush(10)
    assert [(event["features"], event["y_pred"]) for event in api.stored.values()] == [({"n": 1}, 1)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": lambda body: body["no such key"]}, "KeyError: 'no such key'"),
        (
            {"prediction": lambda answer: answer["label"] / 0},
            "TypeError: unsupported operand type(s) for /: 'str' and 'int'",
        ),
        ({"max_body_bytes": 10}, "ValueError: response: its body is longer than max_body_bytes (10)"),
    ],
)
def test_a_failure_in_recording_is_counted_and_does_not_change_the_response(
    background: BackgroundClient, options: dict[str, Any], message: str
) -> None:
    response = post(scoring_app(background, **options), "/models/a/score", json={"row": {"n": 1}})
    assert (response.status_code, response.json()["label"]) == (200, "spam")
    assert background.stats.dropped == {"failed": 1}
    assert background.stats.last_error == message


def test_the_path_below_a_root_path_is_the_applications_own(background: BackgroundClient) -> None:
    app = scoring_app(background)

    async def send() -> None:
        transport = httpx.ASGITransport(app, root_path="/api")
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            await client.post("/api/models/a/score", json={"row": {"n": 1}})

    asyncio.run(send())
    assert background.flush(10)
    assert background.stats.sent == 1


def test_the_application_answers_while_the_server_is_down() -> None:
    client = BackgroundClient(UNREACHABLE, interval_s=0.01)
    app = scoring_app(client)
    assert [post(app, "/models/a/score", json={"row": {"n": 1}}).status_code for _ in range(3)] == [200] * 3
    assert client.stats.queued == 3
    client.close(0)
