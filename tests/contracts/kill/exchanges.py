"""Requests that clients have sent to servers that are killed, what arrived of the answers, and what each was to change.

What is sent belongs to `workloads`, what must hold afterwards to `promises`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
import msgspec

Register = tuple[str, ...]
"""A stored thing that has one value: its kind, then its name."""


@dataclass(frozen=True)
class Effect:
    """The value that a register has once a request has succeeded; None: it is not there."""

    register: Register
    value: Any = True


@dataclass
class Exchange:
    """One request and what arrived of its answer.

    Attributes
    ----------
    route : the path template of the OpenAPI document, after the method.
    status : None where not even the head of an answer arrived.
    complete : whether the answer arrived to its last byte.
    """

    request_id: str
    route: str
    effects: tuple[Effect, ...] = ()
    status: int | None = None
    body: bytes = b""
    complete: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether a client knows that it was done."""
        return self.complete and self.status is not None and self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def refused(self) -> bool:
        """Whether a client knows that it was not done; 503 says nothing of the kind."""
        return self.complete and not self.succeeded and self.status != HTTPStatus.SERVICE_UNAVAILABLE

    def json(self) -> Any:
        """The answer."""
        return msgspec.json.decode(self.body)


@dataclass
class Client:
    """Sends requests of one workload, each with an id of its own, and keeps every exchange."""

    name: str
    http: httpx.AsyncClient
    exchanges: list[Exchange]
    state: dict[str, Any] = field(default_factory=dict)
    sent: int = 0
    interrupted: int = 0

    def next_id(self) -> str:
        """The id of the next request."""
        return f"{self.name}-{self.sent}"

    async def send(
        self,
        route: str,
        json: Any = None,
        *,
        path: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        effects: Iterable[Effect] = (),
    ) -> Exchange:
        """Send a request and read its answer to the end.

        Raises
        ------
        httpx.TransportError
            If the server goes away before.
        """
        exchange = Exchange(self.next_id(), route, tuple(effects))
        self.sent += 1
        method, template = route.split(" ")
        url = template.format(**path or {})
        headers = {"X-Request-ID": exchange.request_id, "X-ML-Guard-Project": "flights"}
        self.exchanges.append(exchange)
        try:
            async with self.http.stream(method, url, json=json, params=params, headers=headers) as response:
                exchange.status = response.status_code
                async for piece in response.aiter_bytes():
                    exchange.body += piece
                exchange.complete = True
        except httpx.ConnectError:
            self.exchanges.remove(exchange)  # no server has seen it
            raise
        return exchange


def answered(exchanges: Iterable[Exchange]) -> Counter[str]:
    """Complete answers by workload."""
    return Counter(one.request_id.rpartition("-")[0] for one in exchanges if one.complete)
