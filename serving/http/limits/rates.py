"""Rate limits of requests: by key, by address without a key, and by address with failed keys.

Counting is `buckets`; the address of a caller is `addresses`.
"""

from prometheus_client import Counter

from guard_core.settings import Settings
from serving.http.limits.buckets import Buckets
from serving.http.problems import TooManyRequests

RATE_CODE = "rate_limit_exceeded"
_refusals = Counter("ml_guard_rate_refusals", "Requests answered 429, by which limit.", ["limit"])
_MINUTE_S = 60


class RateLimits:
    """The rate limits of this process: its share of those in the settings, so that all workers together keep them."""

    def __init__(self, settings: Settings) -> None:
        share, burst_s = 1 / settings.server.workers, settings.rate.burst_s
        self._keys = _buckets(settings.rate.per_key, burst_s, share)
        self._addresses = _buckets(settings.rate.per_address, burst_s, share)
        self._failed_keys = _buckets(settings.rate.wrong_keys_per_minute / _MINUTE_S, _MINUTE_S, share)

    def count_keyed_request(self, key_id: str) -> None:
        """Count a request with a key.

        Raises
        ------
        TooManyRequests
            If the rate of the key is exceeded.
        """
        if self._keys is not None:
            _refuse(self._keys.take(key_id), "key", "This key sends requests too often")

    def count_anonymous_request(self, address: str) -> None:
        """Count a request without a key.

        Raises
        ------
        TooManyRequests
            If the rate of the address is exceeded.
        """
        if self._addresses is not None:
            _refuse(self._addresses.take(address), "address", "This address sends requests without a key too often")

    def check_failed_keys(self, address: str) -> None:
        """Check the failed keys of an address, before a key that is not cached is looked up.

        Raises
        ------
        TooManyRequests
            If the address has sent too many wrong keys.
        """
        if self._failed_keys is not None:
            _refuse(self._failed_keys.wait_s(address), "wrong_key", "This address has sent too many wrong keys")

    def record_failed_key(self, address: str) -> None:
        """Count a key that failed authentication."""
        if self._failed_keys is not None:
            self._failed_keys.take(address)


def _buckets(per_s: float, burst_s: float, share: float) -> Buckets | None:
    return Buckets(per_s * share, max(1.0, per_s * burst_s * share)) if per_s else None


def _refuse(wait_s: int, limit: str, what: str) -> None:
    if wait_s:
        _refusals.labels(limit).inc()
        raise TooManyRequests(f"{what}: try again in {wait_s} s.", headers={"Retry-After": str(wait_s)}, code=RATE_CODE)
