"""The file to which signed checkpoints are also appended, beside the home folder: a copy or theft of the ledger leaves it out.

A rewritten database does not agree with this file.
"""

import os
from pathlib import Path

import msgspec

from guard_core.settings import Settings
from guard_store.ledger.checkpoints import Checkpoint


def checkpoint_file(settings: Settings) -> Path:
    """Return the path of the file."""
    if settings.audit.checkpoints_file is not None:
        return settings.audit.checkpoints_file.resolve()
    home = settings.storage.home.resolve()
    return home.with_name(f"{home.name}.checkpoints.jsonl")


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Append a checkpoint as one line, durably; several processes may write at once.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, msgspec.json.encode(checkpoint) + b"\n")
        os.fsync(file)
    finally:
        os.close(file)


def newest_written(path: Path) -> Checkpoint | None:
    """Return the checkpoint of the highest row; None if there is no file, or no whole line in it.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return None
    newest: Checkpoint | None = None
    for line in lines:
        try:
            checkpoint = msgspec.json.decode(line, type=Checkpoint)
        except msgspec.DecodeError:  # of a machine that lost power while it was written
            continue
        if newest is None or checkpoint.seq > newest.seq:
            newest = checkpoint
    return newest
