"""How long to wait before a server is asked again: as long as it says, else exponentially longer, with full jitter."""

import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_S: Final = 8.0
_FIRST_S: Final = 0.25


def asked_for_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks for, in any of the ways there are; None where it does not."""
    for name, unit in (("retry-after-ms", 1_000), ("Retry-After", 1)):
        said = headers.get(name, "").strip()
        try:
            wait_s = float(said) / unit
        except ValueError:
            continue
        if 0 <= wait_s < float("inf"):
            return wait_s
    try:
        return max(0.0, parsedate_to_datetime(headers.get("Retry-After", "")).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def pause_s(attempt: int, asked_s: float | None) -> float | None:
    """Seconds before the next attempt; None where a server asks for more than anyone waits: another is asked then."""
    if asked_s is not None:
        return asked_s if asked_s <= LONGEST_S else None
    return random.uniform(0, min(LONGEST_S, _FIRST_S * 2**attempt))  # noqa: S311 - no secret
