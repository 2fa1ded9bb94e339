"""One request of a raw route: its caller, its body, its answer as JSON.

Declaring the route is `serving.http.raw_route`; decompressing a body is `serving.http.body`.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from serving.audit.record import Record
from serving.auth.principal import Principal
from serving.http.body import header, whole_body

encode_json = msgspec.json.Encoder().encode

_JSON = (b"content-type", b"application/json")


class RawRequest:
    """A request whose caller is known and has the role that the route needs."""

    __slots__ = ("principal", "receive", "scope", "send")

    def __init__(self, principal: Principal, scope: Scope, receive: Receive, send: Send) -> None:
        self.principal = principal
        self.scope = scope
        self.receive = receive
        self.send = send

    @property
    def route(self) -> str:
        """Path of the route."""
        path: str = self.scope["route"].path
        return path

    @property
    def request_id(self) -> str:
        """Id of the request, the caller's own if one was sent."""
        request_id: str = self.scope["state"]["request_id"]
        return request_id

    @property
    def record(self) -> Record:
        """What the ledger will hold of this request."""
        record: Record = self.scope["state"]["record"]
        return record

    @property
    def services(self) -> Any:
        """What the app has open."""
        return self.scope["app"].state.services

    def header(self, name: bytes) -> str:
        """A header by its name in lower case, or the empty string."""
        return header(self.scope, name)

    async def body(self, max_bytes: int) -> bytes:
        """The decompressed body; raises as `serving.http.body.body_pieces`."""
        return await whole_body(self.scope, self.receive, max_bytes)

    async def send_json(self, status: int, value: Any, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Answer with a value as JSON; bytes are JSON already."""
        body = value if isinstance(value, bytes) else encode_json(value)
        length = (b"content-length", str(len(body)).encode())
        await self.send({"type": "http.response.start", "status": status, "headers": [_JSON, length, *headers]})
        await self.send({"type": "http.response.body", "body": body})
