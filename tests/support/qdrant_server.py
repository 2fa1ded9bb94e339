"""The part of Qdrant's REST interface that the index uses, over real HTTP and behind an API key; Qdrant's client in memory does the work."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, PlainTextResponse
from qdrant_client import QdrantClient, models
from starlette.middleware.base import RequestResponseEndpoint

API_KEY = "a-key-of-qdrant"
_PATIENCE_S = 20


@dataclass
class QdrantServer:
    """A server that can be stopped and started again on its port; its collections are lost in between.

    Attributes
    ----------
    refusal : answers each request while it is set: the status, and the error in the body.
    requests : method and path of each request with the right key.
    """

    port: int
    refusal: tuple[int, str] | None = None
    requests: list[str] = field(default_factory=list)
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, and return when it does."""
        config = uvicorn.Config(_app(self), host="127.0.0.1", port=self.port, log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="qdrant", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _PATIENCE_S
        while not self._server.started:
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.01)

    def stop(self) -> None:
        """Close its connections and its port."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(_PATIENCE_S)
        assert not self._thread.is_alive()
        self._server = self._thread = None


@contextmanager
def qdrant_server() -> Iterator[QdrantServer]:
    """Run a server on a free port."""
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = QdrantServer(probe.getsockname()[1])
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _app(server: QdrantServer) -> FastAPI:
    """Return the interface of an empty server; its handlers run in the event loop, one after the other, as the client in memory needs."""
    app = FastAPI()
    work = QdrantClient(":memory:")
    _add_collections(app, work)
    _add_points(app, work)

    @app.middleware("http")
    async def authorize(request: Request, call_next: RequestResponseEndpoint) -> Response:
        if request.headers.get("api-key") != API_KEY:
            return PlainTextResponse("Invalid API key or JWT", 401)
        server.requests.append(f"{request.method} {request.url.path}")
        if server.refusal is not None:
            return _failure(*server.refusal)
        return await call_next(request)

    @app.exception_handler(ValueError)
    async def refuse(_: Request, error: ValueError) -> Response:
        text = str(error)
        return _failure(404, text) if "not found" in text else _failure(409 if "already exists" in text else 400, text)

    return app


def _add_collections(app: FastAPI, work: QdrantClient) -> None:
    @app.get("/collections")
    async def list_collections() -> Response:
        return _success(work.get_collections())

    @app.get("/aliases")
    async def list_aliases() -> Response:
        return _success(work.get_aliases())

    @app.post("/collections/aliases")
    async def change_aliases(body: models.ChangeAliasesOperation) -> Response:
        return _success(work.update_collection_aliases(body.actions))

    @app.get("/collections/{name}/exists")
    async def exists(name: str) -> Response:
        return _success({"exists": work.collection_exists(name)})

    @app.put("/collections/{name}")
    async def create(name: str, body: models.CreateCollection) -> Response:
        return _success(
            work.create_collection(name, vectors_config=body.vectors or {}, sparse_vectors_config=body.sparse_vectors)
        )

    @app.delete("/collections/{name}")
    async def delete(name: str) -> Response:
        return _success(work.delete_collection(name))


def _add_points(app: FastAPI, work: QdrantClient) -> None:
    @app.put("/collections/{name}/points")
    async def upsert(name: str, body: models.PointsList) -> Response:
        return _success(work.upsert(name, body.points))

    @app.post("/collections/{name}/points")
    async def retrieve(name: str, body: models.PointRequest) -> Response:
        return _success(work.retrieve(name, body.ids, body.with_payload or False, body.with_vector or False))

    @app.post("/collections/{name}/points/count")
    async def count(name: str, body: models.CountRequest) -> Response:
        return _success(work.count(name, body.filter))

    @app.post("/collections/{name}/points/scroll")
    async def scroll(name: str, body: models.ScrollRequest) -> Response:
        points, offset = work.scroll(name, body.filter, body.limit or 10, offset=body.offset)
        return _success({"points": points, "next_page_offset": offset})

    @app.post("/collections/{name}/points/query")
    async def query(name: str, body: models.QueryRequest) -> Response:
        return _success(
            work.query_points(
                name,
                body.query,
                prefetch=body.prefetch,
                limit=body.limit or 10,
                with_payload=body.with_payload or False,
                with_vectors=body.with_vector or False,
            )
        )


def _success(result: Any) -> Response:
    return JSONResponse({"result": jsonable_encoder(result), "status": "ok", "time": 0.0})


def _failure(status: int, error: str) -> Response:
    return JSONResponse({"status": {"error": error}, "time": 0.0}, status)
