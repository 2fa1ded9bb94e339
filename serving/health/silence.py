"""When the daemon that processes days counts as silent, by the newest tick of its sensor.

Ticks are recorded by `guard_store.day_state.ticks`.
"""

from guard_core.days import now_us
from guard_core.settings import PipelinesSettings
from guard_core.units import SECOND_US

_SILENT_S = 60
_SILENT_INTERVALS = 6  # a busy machine skips some ticks


def is_silent(ticked_us: int | None, settings: PipelinesSettings) -> bool:
    """Return whether the newest tick is too long ago; without a first tick, no daemon is expected."""
    if ticked_us is None:
        return False
    return now_us() - ticked_us > max(_SILENT_S, _SILENT_INTERVALS * settings.interval_s) * SECOND_US
