"""A training run in a process of its own that is killed before or after one of its writes.

Not a test: `test_killed_training.py` starts it.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from dagster import DagsterInstance

from guard_pipelines.definitions import defs
from guard_pipelines.retraining import training
from guard_store.retraining.registry import Registry
from guard_store.retraining.training_runs import TrainingRunStore

PLACES: dict[str, tuple[Any, str]] = {
    "log": (training, "log_candidate"),
    "baseline": (training, "capture_baseline"),
    "register": (Registry, "register"),
    "alias": (Registry, "set_alias"),
    "finish": (TrainingRunStore, "finish"),
}


def main() -> None:
    """Arguments: before or after, the place, the partition key, tags as name=value."""
    when, place, key, *pairs = sys.argv[1:]
    owner, name = PLACES[place]
    real: Callable[..., Any] = getattr(owner, name)

    def deadly(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            real(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, deadly)
    with DagsterInstance.get() as instance:
        tags = dict(pair.split("=", 1) for pair in pairs)
        defs().resolve_job_def("retrain").execute_in_process(instance=instance, partition_key=key, tags=tags)


if __name__ == "__main__":
    main()
