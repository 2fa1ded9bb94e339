"""Sizes of the parts of the home folder, measured at most once a minute: a lake has thousands of files."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from guard_core.ttl_cache import TtlCache

LOW_BYTES: Final = 10**9
"""Free bytes below which the disk needs attention: a year of days in one run writes several hundred megabytes."""
_CACHE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """Bytes of the files and folders of the home folder by name, the largest first, and bytes that are free beside them."""

    sizes: dict[str, int]
    free: int


class Disk:
    """Measures the home folder, and remembers the measurement for a minute."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._cache: TtlCache[str, DiskUsage] = TtlCache(_CACHE_S)

    def measure(self) -> DiskUsage:
        """Return the sizes.

        Raises
        ------
        OSError
            If the folder cannot be read.
        """
        usage = self._cache.get("home")
        if usage is None:
            with os.scandir(self._home) as entries:
                sizes = {entry.name: _size_of(entry) for entry in entries}
            ordered = dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0])))
            usage = DiskUsage(ordered, shutil.disk_usage(self._home).free)
            self._cache.put("home", usage)
        return usage


def _size_of(entry: "os.DirEntry[str]") -> int:
    """Return the bytes of a file, or of all files below a folder; files that vanish meanwhile have none."""
    try:
        if not entry.is_dir(follow_symlinks=False):
            return entry.stat(follow_symlinks=False).st_size
        with os.scandir(entry) as entries:
            return sum(_size_of(child) for child in entries)
    except FileNotFoundError:
        return 0
