"""Fetch the scripts that `README.md` in this folder lists with npm, and compare them with their hashes."""

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
_row = re.compile(
    r"\| `(?P<file>[^`]+)` \| (?P<package>\S+) (?P<version>\S+) \(`(?P<path>[^`]+)`.*\| `(?P<sha256>[0-9a-f]{64})` \|"
)


def main() -> int:
    """Replace the scripts; return 1, and keep the present one, if a hash differs."""
    rows = list(_row.finditer((FOLDER / "README.md").read_text()))
    for row in rows:
        content = fetch(row["package"], row["version"], row["path"])
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            print(
                f"{row['file']} of {row['package']} {row['version']} has another hash than README.md", file=sys.stderr
            )
            return 1
        (FOLDER / row["file"]).write_bytes(content)
        print(f"{row['file']}: {row['package']} {row['version']}")
    return 0


def fetch(package: str, version: str, path: str) -> bytes:
    """Return a file of an npm package."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, f"{package}@{version}"]
        name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
        with tarfile.open(Path(folder) / name) as archive:
            file = archive.extractfile(f"package/{path}")
            if file is None:
                raise FileNotFoundError(f"{package} {version} has no file {path}")
            return file.read()


if __name__ == "__main__":
    sys.exit(main())
