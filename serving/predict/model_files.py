"""Copies of registered models in the home folder: downloaded once for all workers, cleared when nothing asks for them.

Which version is loaded, and when, is `pool`.
"""

import logging
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from guard_core.ids import registered_name
from guard_store.retraining.registry import ModelVersion, Registry

_log = logging.getLogger(__name__)

KEEP_S: Final = 86_400.0
"""Seconds that a copy stays after a worker has last read it, once no alias means its version."""
SWEEP_S: Final = 3_600.0
"""Seconds between two sweeps of a worker."""


class ModelFiles:
    """A folder of copies that any number of workers share without waiting for each other.

    Parameters
    ----------
    root : the folder; a copy is `<project>~<model>/<version>-<run>` in it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sweep_at = time.monotonic()

    def fetch(self, registry: Registry, version: ModelVersion) -> Path:
        """The folder of a version, downloaded if need be, and kept for a day from now on.

        Raises
        ------
        RegistryUnavailableError
            If it cannot be downloaded.
        OSError
            If it cannot be kept.
        """
        # Another registry, or a model that was deleted and registered anew, counts its versions from 1 again.
        name = f"{version.version}-{version.run_id or version.created_us}"
        folder = self._root / registered_name(version.project_id, version.model_id) / name
        try:
            os.utime(folder)
        except OSError:
            if not folder.exists():
                self._download(registry, version, folder)
        return folder

    def sweep(self, aliases: Mapping[tuple[str, str], Mapping[str, str]]) -> int:
        """Clear copies that no alias means and no worker has read for a day, once an hour; returns how many.

        Who serves one has it in memory. Who wants one again, after a rollback, downloads it again.
        """
        if time.monotonic() < self._sweep_at:
            return 0
        self._sweep_at = time.monotonic() + SWEEP_S
        wanted = {(registered_name(*key), version) for key, named in aliases.items() for version in named.values()}
        cleared = 0
        for folder in self._root.glob("*/*"):  # what a killed download or sweep has left, too
            if (folder.parent.name, folder.name.partition("-")[0]) not in wanted and _is_old(folder):
                cleared += self.clear(folder)
        if cleared:
            _log.info("%d copies of models that nothing asks for were cleared", cleared)
        return cleared

    def clear(self, folder: Path) -> bool:
        """Clear a copy; whether it was this worker that did."""
        # Under another name first: nobody finds half of it, and of several workers one clears it.
        gone = folder.parent / f".{uuid.uuid4().hex}"
        try:
            folder.rename(gone)
        except OSError:
            return False
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def _download(self, registry: Registry, version: ModelVersion, folder: Path) -> None:
        """Into a folder of its own first: several workers may do the same at once, and none must see half of it."""
        scratch = folder.parent / f".{version.version}-{uuid.uuid4().hex}"
        try:
            found = registry.download(version.project_id, version.model_id, version.version, scratch)
            os.utime(found)  # a copy of a local folder is as old as that
            found.rename(folder)
        except OSError:
            if not folder.exists():  # else another worker was faster
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _is_old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > KEEP_S
    except OSError:  # another worker has cleared it
        return False
