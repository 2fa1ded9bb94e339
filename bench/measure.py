"""Measure a piece of work in a separate process: CPU seconds of all its threads, wall seconds, peak memory; in the environment of another tool, too.

The work itself belongs in the benchmark of each subject.
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
    """Measurement of one piece of work: seconds after imports, and the peak memory of its process."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    result: Any = None


def programs_of(name: str, *requirements: str) -> Path:
    """Return the folder of the programs of an environment with these packages, which is made on first use."""
    home = WORK / name
    programs = home / "bin"
    if not (home / "complete").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, home], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", programs / "python", *requirements], check=True)
        (home / "complete").touch()
    return programs.absolute()


def measure(work: Callable[[], Any]) -> Measurement:
    """Run `work` once in this process, and measure it."""
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = work()
    wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return Measurement(cpu_s, wall_s, after.ru_maxrss / 1024, result)


def report(measurements: Sequence[Measurement]) -> None:
    """Pass the measurements of a child process to its parent, on stdout."""
    sys.stdout.write(json.dumps([asdict(m) for m in measurements]) + "\n")


def in_process(module: str, *arguments: str | Path, python: Path | None = None) -> list[Measurement]:
    """Run `python -m module arguments` and return the measurements that it reported on its last line."""
    command = [str(python or sys.executable), "-m", module, *map(str, arguments)]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    return [Measurement(**fields) for fields in json.loads(output.splitlines()[-1])]


def median(measurements: Sequence[Measurement]) -> Measurement:
    """Return the median seconds and the highest peak of repeated measurements."""
    return Measurement(
        statistics.median(m.cpu_s for m in measurements),
        statistics.median(m.wall_s for m in measurements),
        max(m.peak_mb for m in measurements),
        measurements[-1].result,
    )


class Rated(Protocol):
    """A measured load that can be ranked by its rate."""

    @property
    def rate(self) -> float:
        """Requests or events per second."""


R = TypeVar("R", bound=Rated)


def in_turns(loads: Sequence[Callable[[], R]]) -> list[R]:
    """Return the median of each load by rate; run them in turns, so that other work of the machine affects all alike."""
    rounds = [[run_load() for run_load in loads] for _ in range(ROUNDS)]
    return [sorted(results, key=lambda result: result.rate)[ROUNDS // 2] for results in zip(*rounds, strict=True)]


def forget(path: Path) -> None:
    """Drop a file from the page cache, so that the next read is cold."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Format a Markdown table."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
