"""The report of a call: what its caller learns in headers besides the answer."""

import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from guard_core.units import NANO
from serving.audit.entry import AuditEntry
from serving.gateway.calls import metrics
from serving.gateway.calls.answer_cache import StoredAnswer
from serving.gateway.calls.call import MAX_MODEL
from serving.gateway.upstreams.upstream import UpstreamResponse

_COST: Final = b"x-ml-guard-cost-usd"


class CallReport:
    """Collected while a call is made; its headers hold what is known when the answer begins.

    Parameters
    ----------
    entry : the ledger's entry of the request.
    received_at : when the request arrived, on the clock `time.perf_counter`.

    Attributes
    ----------
    cost_nano_usd : of the call; None until it is known, or if its price is not.
    """

    def __init__(self, entry: AuditEntry, received_at: float) -> None:
        self._entry = entry
        self._received_at = received_at
        self._response: UpstreamResponse | None = None
        self._stored: StoredAnswer | None = None
        self._unread: Iterable[str] = ()
        self.cost_nano_usd: int | None = None

    def record_response(self, response: UpstreamResponse, unread: Iterable[str]) -> None:
        """Record the response of an upstream, and the kinds of parts that went to it unread by the content policy."""
        self._response, self._unread = response, unread

    def record_cache_hit(self, stored: StoredAnswer, unread: Iterable[str]) -> None:
        """Record that the answer is a stored one, which costs nothing; also in the ledger's entry."""
        self._stored, self._unread = stored, unread
        self.cost_nano_usd = 0
        self._entry.note(model=stored.model[:MAX_MODEL], tokens_in=0, tokens_out=0, cost_nano_usd=0)
        self._entry.details["repeated_after_s"] = stored.age_s
        metrics.count_cache_hit(str(self._entry.route), stored.model)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers of the answer; one without a value is left out."""
        headers = (
            (b"x-ml-guard-model", self._model),
            (_COST, self._cost_usd),
            (b"x-ml-guard-overhead-ms", self._overhead_ms),
            (b"x-ml-guard-cache", "" if self._stored is None else "hit"),
            (b"age", "" if self._stored is None else str(self._stored.age_s)),
            (b"x-ml-guard-soft-budgets", ",".join(self._entry.details.get("soft_budgets", ()))),
            (b"x-ml-guard-unread", ",".join(sorted(self._unread))),
        )
        return [(name, value.encode()) for name, value in headers if value]

    def closing_comment(self) -> bytes:
        """Return the comment before the end of a stream: the cost, which is not known when the headers are sent."""
        return b": %b: %b\n\n" % (_COST, self._cost_usd.encode()) if self._cost_usd else b""

    @property
    def _model(self) -> str:
        answered = self._response or self._stored
        return "" if answered is None else _quote(answered.model)

    @property
    def _overhead_ms(self) -> str:
        waited_s = 0.0 if self._response is None else self._response.waited_s
        return f"{(time.perf_counter() - self._received_at - waited_s) * 1_000:.1f}"

    @property
    def _cost_usd(self) -> str:
        cost = self.cost_nano_usd
        return "" if cost is None else f"{cost // NANO}.{cost % NANO:09d}"


@lru_cache(maxsize=256)
def _quote(model: str) -> str:
    """Return the name of a model for a header: callers choose it, and may not add line breaks."""
    return quote(model[:MAX_MODEL], safe="/:@+=, ")
