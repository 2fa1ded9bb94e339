"""Polls of a sensor within one of its ticks: Dagster begins ticks five seconds apart, however short the interval.

What is polled belongs to the sensor.
"""

import time
from collections.abc import Iterator

LAST_POLL_S = 4.0
"""Latest begin of a tick's last poll, in seconds after the tick's: it ends before Dagster begins the next tick."""


def polls(interval_s: float) -> Iterator[bool]:
    """Yield once per poll, `interval_s` apart, whether it is the tick's last one."""
    started_s = time.monotonic()
    while time.monotonic() - started_s + interval_s <= LAST_POLL_S:
        yield False
        time.sleep(interval_s)
    yield True
