"""The settings of the interpreter that a server's speed depends on; all are of the whole process, so they are made by who owns it.

What they were and what they gain is in docs/decisions/0003-group-commit.md.
"""

import gc
import sys
import time
from collections.abc import Mapping

_GC_THRESHOLDS = (50_000, 20, 50)
_OLDEST = 2
_SLOW_S = 0.02
_SWITCH_INTERVAL_S = 0.0005


def tune_interpreter() -> None:
    """Collect garbage less often and shortly, hand the GIL over sooner."""
    # A batch makes thousands of objects that die together: looking for cycles after every 700 of them finds none.
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.callbacks.append(_Settling())
    # The writer needs the GIL again after each statement, for microseconds: it must not wait 5 ms for it.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)


class _Settling:
    """Takes out of the collector's sight what has survived a slow full collection.

    Those are modules, tables and models, a million objects, which live as long as the process: to look through them
    again and again would stop every request for a quarter of a second and find nothing.
    """

    def __init__(self) -> None:
        self._began = 0.0

    def __call__(self, phase: str, info: Mapping[str, int]) -> None:
        if info["generation"] != _OLDEST:
            return
        if phase == "start":
            self._began = time.perf_counter()
        elif time.perf_counter() - self._began > _SLOW_S:
            gc.freeze()
