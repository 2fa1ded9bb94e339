"""A line in a run's log every few minutes while something works, so that nobody takes the run for dead.

How long a silent run is waited for is in `sensors/requests.py`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_S = 300.0


@contextmanager
def heartbeat(say: Callable[[str], None]) -> Iterator[None]:
    """Say that the work goes on, from a thread that ends with the work or with the process."""
    ended = threading.Event()
    began = time.monotonic()

    def beat() -> None:
        while not ended.wait(EVERY_S):
            say(f"still at work after {time.monotonic() - began:.0f} s")

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
