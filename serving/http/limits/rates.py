"""How often callers may ask: by key, by address without one, and by address with wrong ones.

Counting is `buckets`; whose address it is `addresses`.
"""

from prometheus_client import Counter

from guard_core.settings import Settings
from serving.http.limits.buckets import Buckets
from serving.http.problems import TooManyRequests

RATE_CODE = "rate_limit_exceeded"
_refusals = Counter("ml_guard_rate_refusals", "Requests answered 429, by which limit.", ["limit"])
_MINUTE_S = 60


class RateLimits:
    """The limits of this process: its share of the settings', so that all processes together keep them."""

    def __init__(self, settings: Settings) -> None:
        share, burst_s = 1 / settings.server.workers, settings.rate.burst_s
        self._keys = _buckets(settings.rate.per_key, burst_s, share)
        self._addresses = _buckets(settings.rate.per_address, burst_s, share)
        self._wrong = _buckets(settings.rate.wrong_keys_per_minute / _MINUTE_S, _MINUTE_S, share)

    def keyed(self, key_id: str) -> None:
        """A caller with a key asks.

        Raises
        ------
        TooManyRequests
            Where that is too often, as in all methods.
        """
        if self._keys is not None:
            _refuse(self._keys.take(key_id), "key", "This key asks too often")

    def anonymous(self, address: str) -> None:
        """A caller without a key asks."""
        if self._addresses is not None:
            _refuse(self._addresses.take(address), "address", "This address asks too often without a key")

    def may_try_key(self, address: str) -> None:
        """A key is to be looked up that nobody knows yet."""
        if self._wrong is not None:
            _refuse(self._wrong.wait_s(address), "wrong_key", "This address has sent too many wrong keys")

    def wrong_key(self, address: str) -> None:
        """It was wrong."""
        if self._wrong is not None:
            self._wrong.take(address)


def _buckets(per_s: float, burst_s: float, share: float) -> Buckets | None:
    return Buckets(per_s * share, max(1.0, per_s * burst_s * share)) if per_s else None


def _refuse(wait_s: int, limit: str, what: str) -> None:
    if wait_s:
        _refusals.labels(limit).inc()
        raise TooManyRequests(f"{what}: try again in {wait_s} s.", headers={"Retry-After": str(wait_s)}, code=RATE_CODE)
