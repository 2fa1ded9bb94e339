"""How often a sensor looks within one of its ticks: Dagster begins ticks five seconds apart, however short the interval.

What a sensor looks for is its own.
"""

import time
from collections.abc import Iterator

TICK_S = 4.0
"""A tick's last look is no later: it must have ended when Dagster begins the next one."""


def looks(interval_s: float) -> Iterator[bool]:
    """One item a look, `interval_s` apart: whether it is the tick's last one."""
    began = time.monotonic()
    while time.monotonic() - began + interval_s <= TICK_S:
        yield False
        time.sleep(interval_s)
    yield True
