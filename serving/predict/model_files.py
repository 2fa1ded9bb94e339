"""Local copies of registered models: downloaded once for all workers, and deleted when they are no longer used.

Loading models is `pool`.
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
"""Seconds that a copy without an alias is kept after a worker last read it."""
SWEEP_S: Final = 3_600.0
"""Least seconds between two sweeps of a worker."""


class ModelFiles:
    """A folder of copies, shared by any number of workers without locks.

    Parameters
    ----------
    root : the folder; a copy is `<project>~<model>/<version>-<run>` in it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sweep_at = time.monotonic()

    def fetch(self, registry: Registry, version: ModelVersion) -> Path:
        """Return the folder of a version, downloaded if need be; it is kept for at least a day from now.

        Raises
        ------
        RegistryUnavailableError
            If it cannot be downloaded.
        OSError
            If it cannot be written.
        """
        # Another registry, or a model that was deleted and registered again, numbers its versions from 1.
        name = f"{version.version}-{version.run_id or version.created_us}"
        folder = self._root / registered_name(version.project_id, version.model_id) / name
        try:
            os.utime(folder)
        except OSError:
            if not folder.exists():
                self._download(registry, version, folder)
        return folder

    def sweep(self, aliases: Mapping[tuple[str, str], Mapping[str, str]]) -> int:
        """Delete copies without an alias that no worker has read for a day, once an hour; return their number.

        Workers that serve such a version have it in memory; if it is needed again, after a rollback, it is downloaded.
        """
        if time.monotonic() < self._sweep_at:
            return 0
        self._sweep_at = time.monotonic() + SWEEP_S
        in_use = {
            (registered_name(*key), version)
            for key, model_aliases in aliases.items()
            for version in model_aliases.values()
        }
        deleted = 0
        for folder in self._root.glob("*/*"):  # includes the remains of killed downloads and sweeps
            if (folder.parent.name, folder.name.partition("-")[0]) not in in_use and _is_old(folder):
                deleted += self.delete(folder)
        if deleted:
            _log.info("%d unused copies of models were deleted", deleted)
        return deleted

    def delete(self, folder: Path) -> bool:
        """Delete a copy; return False if another worker has deleted it."""
        # Renamed first: no worker can read a partly deleted copy, and only one of several workers deletes it.
        scratch = folder.parent / f".{uuid.uuid4().hex}"
        try:
            folder.rename(scratch)
        except OSError:
            return False
        shutil.rmtree(scratch, ignore_errors=True)
        return True

    def _download(self, registry: Registry, version: ModelVersion, folder: Path) -> None:
        """Download into a scratch folder and rename it: several workers may download at once, and all see whole copies."""
        scratch = folder.parent / f".{version.version}-{uuid.uuid4().hex}"
        try:
            download = registry.download(version.project_id, version.model_id, version.version, scratch)
            os.utime(download)  # a copy of a local folder has the time of its source
            download.rename(folder)
        except OSError:
            if not folder.exists():  # otherwise another worker was faster
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _is_old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > KEEP_S
    except OSError:  # another worker has deleted it
        return False
