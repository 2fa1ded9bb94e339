"""A run in a process of its own that is killed after a stage has written the first day and before it says so.

Not a test: `test_faults.py` starts it.
"""

import os
import signal
import sys
from collections.abc import Iterable, Sequence

from dagster import DagsterInstance

from guard_pipelines.definitions import defs
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore, Stage


def main() -> None:
    """Arguments: the stage, the run key, tags as name=value."""
    deadly, run_key, *pairs = sys.argv[1:]
    mark = DayStateStore.mark

    def die_or_mark(self: DayStateStore, stage: Stage, items: Iterable[DayState]) -> Sequence[DayState]:
        if stage == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return mark(self, stage, items)

    DayStateStore.mark = die_or_mark  # type: ignore[method-assign]
    tags = dict(pair.split("=", 1) for pair in pairs)
    with DagsterInstance.get() as instance:
        job = defs().resolve_job_def("daily")
        job.execute_in_process(instance=instance, tags={**tags, "dagster/run_key": run_key})


if __name__ == "__main__":
    main()
