"""Logs stay small while their processes go on writing."""

import subprocess
import sys
import time
from pathlib import Path

from guard_cli.stack.logs import rotate

_WRITER = "import sys, time\nfor n in range(10**6):\n    print(f'line {n}', flush=True)\n    time.sleep(0.002)"


def numbers(path: Path) -> list[int]:
    return [int(line.split()[1]) for line in path.read_text().splitlines()]


def test_a_large_log_is_set_aside_and_its_process_goes_on_in_an_empty_one(tmp_path: Path) -> None:
    log = tmp_path / "serving.log"
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-c", _WRITER], stdout=output)
    try:
        for _ in range(3):
            deadline = time.monotonic() + 30
            while log.stat().st_size <= 1_000 and time.monotonic() < deadline:
                time.sleep(0.01)
            rotate(tmp_path, max_bytes=1_000)
        while log.stat().st_size == 0:
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["serving.log", "serving.log.1", "serving.log.2"]
    older, old, new = (numbers(tmp_path / f"serving.log{end}") for end in (".2", ".1", ""))
    assert older == list(range(older[0], older[-1] + 1))
    assert older[-1] < old[0] <= old[-1] < new[0]


def test_a_small_log_stays(tmp_path: Path) -> None:
    (tmp_path / "dagster.log").write_text("x" * 1_000)
    rotate(tmp_path, max_bytes=1_000)
    assert [path.name for path in tmp_path.iterdir()] == ["dagster.log"]
