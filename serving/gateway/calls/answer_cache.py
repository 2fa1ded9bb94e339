"""Answers that are repeated for exactly equal requests of the same project, in the memory of this process.

They are kept as their server sent them: the content policy reads them again for each caller, and restores what is redacted in the
caller's own request. Decision 0039 records what is kept and what it costs.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from guard_core.settings import Settings
from serving.audit.context import RequestContext
from serving.gateway.protocols.protocol import Protocol
from serving.gateway.upstreams.upstream import UpstreamResponse

_encode_sorted = msgspec.json.Encoder(order="deterministic").encode
_LARGEST_SHARE = 1 / 8  # of the cache, for one answer


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as its server sent it.

    Attributes
    ----------
    server, model : name of the upstream and of the model that answered.
    protocol : protocol of the body.
    stored_at : on the clock `time.monotonic`.
    """

    data: bytes
    server: str
    model: str
    protocol: Protocol
    stored_at: float

    @property
    def age_s(self) -> int:
        """Return the whole seconds since it was stored."""
        return int(time.monotonic() - self.stored_at)


class AnswerCache:
    """The newest answers of this process.

    Parameters
    ----------
    settings : `llm.cache_s` is how long an answer is repeated, `llm.cache_bytes` how much is kept.
    """

    def __init__(self, settings: Settings) -> None:
        self._ttl_s = settings.llm.cache_s
        self._max_bytes = settings.llm.cache_bytes
        self._answers: OrderedDict[bytes, StoredAnswer] = OrderedDict()
        self._bytes = 0

    def slot(self, body: Mapping[str, Any], protocol: Protocol, context: RequestContext, path: str = "") -> "Slot":
        """Return the place of the answer to a request, after the content policy has redacted it.

        The caller's header `Cache-Control` may say `no-cache` (call the server) or `no-store` (and keep nothing).
        """
        if not self._ttl_s or "no-store" in context.cache_control:
            return Slot(None, None, 0)
        # A key without a project shares answers with nobody.
        owner = context.project_id or f"key {context.principal.key_id}"
        place = _encode_sorted([owner, protocol.name, path, body])
        key = hashlib.sha256(place).digest()
        slot = Slot(self, key, int(self._max_bytes * _LARGEST_SHARE))
        if "no-cache" not in context.cache_control:
            slot.stored = self._find(key)
        return slot

    def put(self, key: bytes, answer: StoredAnswer) -> None:
        """Keep an answer; the oldest make room for it."""
        self._discard(key)
        self._answers[key] = answer
        self._bytes += len(answer.data)
        while self._bytes > self._max_bytes:
            self._discard(next(iter(self._answers)))

    def _find(self, key: bytes) -> StoredAnswer | None:
        answer = self._answers.get(key)
        if answer is not None and time.monotonic() - answer.stored_at >= self._ttl_s:
            self._discard(key)
            return None
        return answer

    def _discard(self, key: bytes) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._bytes -= len(answer.data)


class Slot:
    """The place of one request's answer in the cache.

    Attributes
    ----------
    stored : the answer that may be repeated; None if there is none.
    """

    def __init__(self, cache: AnswerCache | None, key: bytes | None, max_bytes: int) -> None:
        self.stored: StoredAnswer | None = None
        self._cache = cache
        self._key = key
        self._max_bytes = max_bytes
        self._data = bytearray()

    def add(self, piece: bytes) -> None:
        """Add a piece of the answer as it arrived."""
        if self._cache is None:
            return
        self._data += piece
        if len(self._data) > self._max_bytes:
            self._cache = None
            self._data = bytearray()

    def add_json(self, answer: Mapping[str, Any]) -> None:
        """Add a whole answer."""
        if self._cache is not None:
            self.add(_encode_sorted(answer))

    def keep(self, response: UpstreamResponse) -> None:
        """Keep the added pieces as the complete answer of a server."""
        if self._cache is not None and self._key is not None:
            upstream = response.upstream
            answer = StoredAnswer(bytes(self._data), upstream.name, response.model, upstream.protocol, time.monotonic())
            self._cache.put(self._key, answer)
