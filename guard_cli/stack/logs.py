"""Logs of the stack's processes: one that has grown large is rotated, and its process goes on writing into an empty one.

The processes need not know: they append, so that they write at the new end. Lines of the instant between copy and cut are lost.
"""

import os
import shutil
from pathlib import Path

MAX_BYTES = 20_000_000
_KEPT = 2


def rotate(folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Rotate the logs of a folder that are larger than `max_bytes`: `serving.log` becomes `serving.log.1`, that `serving.log.2`."""
    for log in folder.glob("*.log"):
        if log.stat().st_size <= max_bytes:
            continue
        for number in range(_KEPT, 1, -1):
            older = log.with_name(f"{log.name}.{number - 1}")
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number}"))
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)
