"""The two settings of the interpreter that ingestion's speed depends on; both are of the whole process.

What they were and what they gain is in docs/decisions/0003-group-commit.md.
"""

import gc
import sys

_GC_THRESHOLDS = (50_000, 20, 50)
_SWITCH_INTERVAL_S = 0.0005


def tune_interpreter() -> None:
    """Collect garbage less often, hand the GIL over sooner."""
    # A batch makes thousands of objects that die together: looking for cycles after every 700 of them finds none.
    gc.set_threshold(*_GC_THRESHOLDS)
    # The writer needs the GIL again after each statement, for microseconds: it must not wait 5 ms for it.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
