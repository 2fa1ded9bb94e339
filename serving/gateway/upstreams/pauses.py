"""The pause before a retry: as long as the server requests, else exponential backoff with full jitter."""

import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_S: Final = 8.0
_FIRST_S: Final = 0.25


def read_retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read the seconds to wait from `retry-after-ms`, or from `Retry-After` in seconds or as a date; None without either."""
    for name, unit in (("retry-after-ms", 1_000), ("Retry-After", 1)):
        value = headers.get(name, "").strip()
        try:
            wait_s = float(value) / unit
        except ValueError:
            continue
        if 0 <= wait_s < float("inf"):
            return wait_s
    try:
        return max(0.0, parsedate_to_datetime(headers.get("Retry-After", "")).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def choose_pause_s(attempt: int, retry_after_s: float | None) -> float | None:
    """Return the seconds before the next attempt; None if the server requests more than `LONGEST_S`: try the next server then."""
    if retry_after_s is not None:
        return retry_after_s if retry_after_s <= LONGEST_S else None
    return random.uniform(0, min(LONGEST_S, _FIRST_S * 2**attempt))  # noqa: S311 - no secret
