"""All metrics as Prometheus text: what one worker or several have counted, and what a collector reads elsewhere.

A collector's gauges are computed by the worker that answers, and are in no worker's file: none is counted twice.
"""

import os
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector


def render(collector: Collector) -> bytes:
    """Return the metrics of this process, or of all workers if there are several, and those of a collector."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return _render_workers() + generate_latest(registry)


def _render_workers() -> bytes:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return generate_latest(REGISTRY)
    _forget_dead_workers(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _forget_dead_workers(folder: Path) -> None:
    # A killed worker cannot remove its live gauges itself; its counters must stay.
    for pid in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*_*.db")}:
        if not _is_alive(int(pid)):
            mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
