"""Measures a piece of work in a process of its own: CPU seconds of all its threads, wall seconds, peak memory.

What is measured belongs to the benchmark of each subject.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

WORK = Path(".bench")
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Measurement:
    """One piece of work: seconds after imports, and the peak memory of its process."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    result: Any = None


def measure(work: Callable[[], Any]) -> Measurement:
    """Run `work` once in this process."""
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = work()
    wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return Measurement(cpu_s, wall_s, after.ru_maxrss / 1024, result)


def report(measurements: Sequence[Measurement]) -> None:
    """Hand the measurements of a child process to its parent."""
    sys.stdout.write(json.dumps([asdict(m) for m in measurements]) + "\n")


def in_process(module: str, *arguments: str | Path, python: Path | None = None) -> list[Measurement]:
    """Run `python -m module arguments` and return what it reported on its last line."""
    command = [str(python or sys.executable), "-m", module, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return [Measurement(**fields) for fields in json.loads(done.stdout.splitlines()[-1])]


def median(measurements: Sequence[Measurement]) -> Measurement:
    """Median seconds and highest peak of repeated measurements."""
    return Measurement(
        statistics.median(m.cpu_s for m in measurements),
        statistics.median(m.wall_s for m in measurements),
        max(m.peak_mb for m in measurements),
        measurements[-1].result,
    )


class Rated(Protocol):
    """A load of which one can be faster than another."""

    @property
    def rate(self) -> float:
        """What was done a second."""


R = TypeVar("R", bound=Rated)


def in_turns(loads: Sequence[Callable[[], R]]) -> list[R]:
    """The median of each load, by rate; measured in turns, so that what else the machine does meets all of them."""
    rounds = [[one() for one in loads] for _ in range(ROUNDS)]
    return [sorted(found, key=lambda one: one.rate)[ROUNDS // 2] for found in zip(*rounds, strict=True)]


def forget(path: Path) -> None:
    """Drop a file from the page cache, so that its next read is a cold one."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
