"""A line in a run's log every few minutes during a long step, so that the run does not count as dead.

How long a run may log nothing is in `guard_pipelines.runs`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_S = 300.0


@contextmanager
def log_heartbeat(log: Callable[[str], None]) -> Iterator[None]:
    """Log every `EVERY_S` that the step is still working, from a thread that ends with the step or with the process."""
    ended = threading.Event()
    started_s = time.monotonic()

    def beat() -> None:
        while not ended.wait(EVERY_S):
            log(f"still at work after {time.monotonic() - started_s:.0f} s")

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
