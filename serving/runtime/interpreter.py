"""Interpreter settings that the performance of a server depends on; they are global, so the owner of the process applies them.

The defaults and the gains are in docs/decisions/0003-group-commit.md.
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
    """Make garbage collections rarer and shorter, and switch threads sooner."""
    # A batch creates thousands of objects that are freed together: collecting after every 700 of them finds no cycles.
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.callbacks.append(_SurvivorFreezer())
    # The writer needs the GIL again after each statement, for microseconds: it must not wait 5 ms for it.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)


class _SurvivorFreezer:
    """Exempts objects that survive a slow full collection from further collections.

    They are modules, tables and models, a million objects that live as long as the process: traversing them again and
    again would stop all requests for a quarter of a second each time, and find nothing.
    """

    def __init__(self) -> None:
        self._started_at = 0.0

    def __call__(self, phase: str, info: Mapping[str, int]) -> None:
        if info["generation"] != _OLDEST:
            return
        if phase == "start":
            self._started_at = time.perf_counter()
        elif time.perf_counter() - self._started_at > _SLOW_S:
            gc.freeze()
