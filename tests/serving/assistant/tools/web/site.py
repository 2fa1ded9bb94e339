"""A site for tests, an inner one that nobody may reach, and a server of names whose answers can change from one question to the next.

All on loopback: 127.0.0.1 plays the public address here, every other one of 127.0.0.0/8 is forbidden.
"""

import asyncio
import gzip
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from aiohttp import web
from dnslib import AAAA, QTYPE, RR, A, DNSRecord

from serving.assistant.tools.web.addresses import FORBIDDEN

PUBLIC, INNER = "127.0.0.1", "127.0.0.2"
LOOPBACK = ipaddress.IPv4Network("127.0.0.0/8")
BUT_PUBLIC = (
    *(network for network in FORBIDDEN if network != LOOPBACK),
    *LOOPBACK.address_exclude(ipaddress.IPv4Network(f"{PUBLIC}/32")),
)
"""The forbidden networks, one address of loopback left out."""


class Names(asyncio.DatagramProtocol):
    """A server of names over UDP: each name has a list of answers, the last of which stays.

    Attributes
    ----------
    asked : names in the order of the questions about IPv4.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        question = DNSRecord.parse(data)
        name = str(question.q.qname).rstrip(".")
        reply = question.reply()
        wanted = QTYPE[question.q.qtype]
        if wanted == "A":
            self.asked.append(name)
        for address in self._addresses(name, wanted):
            record = AAAA(address) if ":" in address else A(address)
            reply.add_answer(RR(name, question.q.qtype, rdata=record, ttl=0))
        assert self._transport is not None
        self._transport.sendto(reply.pack(), addr)

    def _addresses(self, name: str, wanted: str) -> list[str]:
        answers = self.answers.get(name, [()])
        now = answers[0]
        if wanted == "AAAA" and len(answers) > 1:  # the second question of a look-up: the next one hears something else
            answers.pop(0)
        return [address for address in now if (":" in address) == (wanted == "AAAA")]

    async def resolve(self, host: str) -> list[str]:
        """Ask this server, as a client of names does."""
        found = []
        for kind in ("A", "AAAA"):
            answered = await _exchange(DNSRecord.question(host, kind).pack(), self.port)
            found += [str(record.rdata) for record in DNSRecord.parse(answered).rr]
        if not found:
            raise OSError("no such name")
        return found


async def _exchange(data: bytes, port: int) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", port))
        await loop.sock_sendall(client, data)
        return await asyncio.wait_for(loop.sock_recv(client, 4096), 5)


@asynccontextmanager
async def names_served() -> AsyncIterator[Names]:
    """A running server of names."""
    transport, names = await asyncio.get_running_loop().create_datagram_endpoint(Names, local_addr=("127.0.0.1", 0))
    names.port = transport.get_extra_info("sockname")[1]
    try:
        yield names
    finally:
        transport.close()


@dataclass
class Site:
    """A site that plays good and bad.

    Attributes
    ----------
    seen : paths that it was asked for, robots.txt left out.
    redirects : where a path leads: status and Location.
    """

    port: int = 0
    seen: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    redirects: dict[str, tuple[int, str]] = field(default_factory=dict)
    pages: dict[str, tuple[str, str]] = field(default_factory=dict)
    robots: str | int = 404

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/robots.txt":
            return web.Response(status=self.robots) if isinstance(self.robots, int) else web.Response(text=self.robots)
        self.seen.append(request.path_qs)
        self.headers.append(dict(request.headers))
        if request.path in self.redirects:
            status, location = self.redirects[request.path]
            return web.Response(status=status, headers={"Location": location})
        if request.path in self.pages:
            media_type, text = self.pages[request.path]
            return web.Response(text=text, content_type=media_type, charset="utf-8")
        if request.path == "/slow":
            await asyncio.sleep(30)
        if request.path in _STREAMS:
            return await _streamed(request, *_STREAMS[request.path])
        body, headers, status = _BODIES.get(
            request.path, (f"<title>Page</title><p>You asked {request.host}.</p>", {}, 200)
        )
        return web.Response(body=body, headers={"Content-Type": "text/html", **headers}, status=status)


_PACKED = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
_BODIES: dict[str, tuple[str | bytes, dict[str, str], int]] = {
    "/bomb": (gzip.compress(b"\0" * 50_000_000), _PACKED, 200),
    "/gzip": (gzip.compress(b"packed text"), _PACKED, 200),
    "/lies": (b"not packed", _PACKED, 200),
    "/program": (b"MZ", {"Content-Type": "application/octet-stream"}, 200),
    "/nothing": (b"", {}, 404),
}
_STREAMS = {"/large": (b"x" * 2**16, 64, 0.0), "/drip": (b".", 300, 0.1)}


async def _streamed(request: web.Request, piece: bytes, n: int, pause_s: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    try:
        for _ in range(n):
            await response.write(piece)
            await asyncio.sleep(pause_s)
    except ConnectionError:
        pass  # the guard has seen enough
    return response


@asynccontextmanager
async def site_served(site: Site, host: str = PUBLIC) -> AsyncIterator[Site]:
    """A running site; its port is taken where it has one."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", site.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    served = web.TCPSite(runner, host, site.port)
    await served.start()
    site.port = runner.addresses[0][1]
    try:
        yield site
    finally:
        await runner.cleanup()
