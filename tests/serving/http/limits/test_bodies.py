"""Bodies that are too deep, too slow, or headers without end: each is a clear answer, never a 500 and never a lasting connection."""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from guard_core.settings import Settings
from serving.app import Services
from serving.gateway.chat.schemas import read_body
from serving.http.limits.body import MAX_DEPTH
from serving.http.problems import Unprocessable
from serving.runtime.http_protocol import GuardedProtocol, HeadBuffer
from tests.support.api import read_documented_routes
from tests.support.asgi_server import listening
from tests.support.clients import Clients
from tests.support.settings import with_values

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("depth", [66, 900, 20_000])
async def test_a_deeply_nested_body_is_refused_by_every_route(clients: Clients, project: str, depth: int) -> None:
    admin = clients.of("admin")
    nested = [opening * depth + "1" + closing * depth for opening, closing in _NESTED]
    for body in (*(text.encode() for text in nested), b'{"name": "\xff", "features": {"\xff": 1}}'):
        for route in read_documented_routes():
            if route.method not in {"POST", "PUT", "PATCH"}:
                continue
            path = route.path.format_map(defaultdict(lambda: "1", project_id=project, model_id="m"))
            answer = await admin.request(route.method, path, content=body, headers=JSON)
            # routes without a body, and those that skip unknown fields, may have done their work
            expected = {400, 422, 404, 413, 503} | (
                {200} if path.endswith(("/verify", "/activate", "/batch", "/labels")) else set()
            )
            assert answer.status_code in expected, (route, answer.text[:300])


def test_a_wide_body_is_not_a_deep_one() -> None:
    wide = b'{"messages": [' + b", ".join([b'[{"a": "}"}]'] * 500) + b"]}"
    assert read_body(wide) == json.loads(wide)
    with pytest.raises(Unprocessable, match="nested more than 64 deep"):
        read_body(b'{"messages": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}")


_NESTED = (("[", "]"), ('{"features":', "}"), ('{"settings":', "}"), ('{"messages":', "}"))


class _Quick(GuardedProtocol):
    header_timeout_s = 0.3


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    """Port of the app behind our protocol, with little patience for headers."""
    async with listening(app, http=_Quick, server_header=False) as port:
        yield port


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Little patience for bodies and answers."""
    return with_values(settings, body_timeout_s=1, request_timeout_s=1)


async def said(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """What comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.create_task(reader.read())
    try:
        for piece in pieces:
            if answer.done():
                break
            writer.write(piece)
            await asyncio.sleep(pause_s)
        return await asyncio.wait_for(answer, 10)
    except ConnectionError:
        return b"reset"
    finally:
        writer.close()


def head(services: Services, path: str, length: int = 1_000) -> bytes:
    _, secret = services.keys.create("k", "admin")
    lines = (f"POST {path} HTTP/1.1", "Host: x", f"X-API-Key: {secret}", f"Content-Length: {length}")
    return "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode()


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/projects", "/v1/chat/completions", "/predict"])
async def test_a_body_that_comes_byte_by_byte_is_408_and_the_connection_ends(
    port: int, services: Services, settings: Settings, path: str
) -> None:
    answer = await said(port, head(services, path), *[b"{"] * 12, pause_s=0.05)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 1 s" in answer


async def test_headers_that_do_not_end_are_refused(port: int) -> None:
    endless = await said(port, b"GET / HTTP/1.1\r\nX: ", *[b"a" * 4_096] * 40)
    assert endless.startswith((b"HTTP/1.1 431 ", b"reset"))
    whole = await said(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n")
    assert whole.startswith((b"HTTP/1.1 431 ", b"reset"))
    many = b"".join(b"X-%d: 1\r\n" % n for n in range(8_000))
    assert (await said(port, b"GET /healthz HTTP/1.1\r\n" + many + b"\r\n")).startswith((b"HTTP/1.1 431 ", b"reset"))


async def test_headers_that_come_byte_by_byte_and_silence_end_the_connection(port: int) -> None:
    assert (await said(port, *[b"G", b"E", b"T", b" "] * 5, pause_s=0.1)).startswith(b"HTTP/1.1 408 ")
    assert await said(port) == b""


async def test_requests_on_one_connection_are_answered_one_after_the_other(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        for _ in range(3):
            assert (await client.get("/healthz")).status_code == 200
            await asyncio.sleep(0.4)
        answer = await client.get("/healthz", headers={"X-Long": "a" * 30_000})
        assert answer.status_code == 200
        assert "server" not in answer.headers
    pipelined = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 2 + b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert (await said(port, pipelined)).count(b"HTTP/1.1 200 ") == 3


async def test_a_json_route_that_takes_too_long_is_504(
    clients: Clients, services: Services, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    def slow(*_: object) -> None:
        time.sleep(1.5)

    monkeypatch.setattr(type(services.projects), "get", slow)
    answer = await clients.of("admin").get(f"/api/v1/projects/{project}")
    assert answer.status_code == 504
    assert "within 1 s" in answer.json()["detail"]
    await asyncio.sleep(0.7)
    logging.getLogger(__name__).info("the thread has ended")


class _Transport:
    """Writes down what is sent; for the one thing that a socket does not show for sure."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_open = True

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.is_open = False


async def test_the_head_of_an_answer_leaves_with_its_body_or_by_itself_where_none_comes() -> None:
    transport = _Transport()
    held = HeadBuffer(transport, asyncio.get_running_loop())  # type: ignore[arg-type]
    held.write(b"HTTP/1.1 200 OK\r\n\r\n")
    held.write(b"whole")
    held.write(b" and more")
    assert transport.sent == [b"HTTP/1.1 200 OK\r\n\r\nwhole", b" and more"]
    held.write(b"HTTP/1.1 201 Created\r\n\r\n")
    await asyncio.sleep(0)
    assert transport.sent[2:] == [b"HTTP/1.1 201 Created\r\n\r\n"]
    held.write(b"HTTP/1.1 202 Accepted\r\n\r\n")
    held.close()
    assert transport.sent[3:] == [b"HTTP/1.1 202 Accepted\r\n\r\n"]
    assert not transport.is_open
