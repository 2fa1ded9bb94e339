"""Rate limits as servers report them: in how many seconds one that is exhausted is reset, and how long a server is left out."""

import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

_LONGEST_S: Final = 3_600.0  # then one call asks again: a header may be wrong
_MAX_MODELS: Final = 256
_LIMITS: Final = tuple(
    (f"{prefix}-remaining{suffix}", f"{prefix}-reset{suffix}")
    for prefix, suffix in (("x-ratelimit", "-requests"), ("x-ratelimit", "-tokens"))
) + tuple(
    (f"anthropic-ratelimit-{measure}-remaining", f"anthropic-ratelimit-{measure}-reset")
    for measure in ("requests", "tokens", "input-tokens", "output-tokens")
)
_duration = re.compile(
    r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?"
).fullmatch
_UNITS_S: Final = (86_400, 3_600, 60, 1, 0.001)


def read_reset_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until every exhausted limit is reset; None if none is exhausted, or its reset unknown.

    OpenAI's headers give a duration (`6m0s`), Anthropic's an instant in RFC 3339.
    """
    longest_s = None
    for remaining, reset in _LIMITS:
        if headers.get(remaining, "").strip() == "0":
            wait_s = _read_wait_s(headers.get(reset, "").strip())
            if wait_s is not None:
                longest_s = max(wait_s, longest_s or 0.0)
    return longest_s


def _read_wait_s(value: str) -> float | None:
    """Return the seconds of a duration, a number of seconds, or until an instant; None if it is none of them, or past."""
    try:
        wait_s = float(value)
    except ValueError:
        parts = _duration(value) if value else None
        if parts is not None:
            wait_s = sum(float(part) * unit for part, unit in zip(parts.groups("0"), _UNITS_S, strict=True))
        else:
            try:
                instant = datetime.fromisoformat(value)
            except ValueError:
                return None
            wait_s = instant.timestamp() - time.time() if instant.tzinfo is not None else 0.0
    return wait_s if 0 < wait_s < float("inf") else None


class _Cooldown(NamedTuple):
    until: float
    status: int | None


class Cooldowns:
    """Until when a server, with one key, is left out, by model: rate limits are limits of a key and a model."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_model: dict[str, _Cooldown] = {}

    def record(self, model: str, wait_s: float, status: int | None) -> None:
        """Leave the server out for some seconds, an hour at most; a longer cooldown stays.

        Parameters
        ----------
        status : with which it has refused a call; None if it has only announced that it would.
        """
        if wait_s <= 0:
            return
        now = self._clock()
        until = now + min(wait_s, _LONGEST_S)
        current = self._by_model.pop(model, None)
        if current is not None and current.until > now:
            status = status or current.status
            until = max(until, current.until)
        elif len(self._by_model) >= _MAX_MODELS:
            self._by_model = {name: cooldown for name, cooldown in self._by_model.items() if cooldown.until > now}
            if len(self._by_model) >= _MAX_MODELS:  # drop the oldest
                del self._by_model[next(iter(self._by_model))]
        self._by_model[model] = _Cooldown(until, status)

    def wait_s(self, model: str) -> float:
        """Return the seconds until the server may be called for a model; 0 if it may be now."""
        cooldown = self._by_model.get(model)
        return 0.0 if cooldown is None else max(0.0, cooldown.until - self._clock())

    def status(self, model: str) -> int | None:
        """Return the status with which the server has refused calls for a model; None if it has not, or is free."""
        cooldown = self._by_model.get(model)
        return cooldown.status if cooldown is not None and cooldown.until > self._clock() else None
