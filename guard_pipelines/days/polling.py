"""Polls of a sensor within one of its ticks: Dagster begins ticks five seconds apart, however short the interval.

What a sensor polls is its own.
"""

import time
from collections.abc import Iterator

TICK_S = 4.0
"""A tick's last poll begins no later: it must have ended when Dagster begins the next one."""


def polls(interval_s: float) -> Iterator[bool]:
    """Yield once a poll, `interval_s` apart, whether it is the tick's last one."""
    began = time.monotonic()
    while time.monotonic() - began + interval_s <= TICK_S:
        yield False
        time.sleep(interval_s)
    yield True
