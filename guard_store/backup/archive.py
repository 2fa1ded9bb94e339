"""The file of a backup: an uncompressed tar, whose files are compressed themselves where that helps, with its manifest at the end.

It is written beside its place and moved there when it is whole; what the files mean is up to `create` and `restore`.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Final, Self

import msgspec

from guard_store.backup.manifest import FORMAT, File, Manifest

_MANIFEST: Final = "manifest.json"
_SEAL: Final = "manifest.sha256"  # the last file: without it, the archive is not whole
_PIECE_BYTES: Final = 2**20


class BackupError(Exception):
    """A backup cannot be written or restored; the message is one line with the reason and the fix."""


class _HashingReader:
    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        return data

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class ArchiveWriter:
    """Writes an archive, for its owner only; left without `finish`, no file remains.

    Raises
    ------
    BackupError
        If there is a file of this name already.
    """

    def __init__(self, path: Path) -> None:
        if path.exists():
            raise BackupError(f"{path} exists; name another file, or delete it")
        self.path = path
        self.files: list[File] = []
        self._partial = path.with_name(f"{path.name}.partial")
        self._partial.unlink(missing_ok=True)  # of a backup that was killed
        self._file = os.fdopen(os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed in __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add a file with this content."""
        self.add(name, io.BytesIO(data), len(data))

    def add_path(self, name: str, path: Path) -> None:
        """Add the content that a file has now; what is appended meanwhile is left out."""
        with path.open("rb") as source:
            self.add(name, source, os.fstat(source.fileno()).st_size)

    def add(self, name: str, source: IO[bytes], size: int) -> None:
        """Add the first `size` bytes of a stream."""
        reader = _HashingReader(source)
        self._write(name, reader, size)
        self.files.append(File(name, size, reader.sha256))

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, wait until all is on the disk, and move the archive to its place."""
        data = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        self._write(_MANIFEST, io.BytesIO(data), len(data))
        seal = hashlib.sha256(data).hexdigest().encode()
        self._write(_SEAL, io.BytesIO(seal), len(seal))
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._partial.rename(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _write(self, name: str, source: IO[bytes] | _HashingReader, size: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._tar.addfile(info, source)


class Archive:
    """A whole archive, opened for reading.

    Raises
    ------
    BackupError
        If the file is not a whole backup, or of a newer version of ML Guard.
    """

    def __init__(self, tar: tarfile.TarFile, path: Path) -> None:
        self._tar = tar
        members = _members_of(tar)
        self._members = {member.name: member for member in members}
        if _SEAL not in self._members or _MANIFEST not in self._members:
            after = f"; it can be read up to {members[-1].name}" if members else ""
            raise BackupError(f"{path} is no whole backup: its end is missing or damaged{after}")
        data, seal = self.read(_MANIFEST), self.read(_SEAL)
        if hashlib.sha256(data).hexdigest().encode() != seal:
            raise BackupError(f"{path}: {_MANIFEST} is damaged: its hash is not that of {_SEAL}")
        layout = msgspec.json.decode(data)["format"]
        if layout != FORMAT:
            raise BackupError(f"{path}: has layout {layout}, which this version of ML Guard does not know")
        self.manifest = msgspec.json.decode(data, type=Manifest)

    def verify(self) -> None:
        """Compare each file with its hash.

        Raises
        ------
        BackupError
            If a file is damaged, missing or not in the manifest; all of them are named.
        """
        listed = {file.name: file for file in self.manifest.files}
        problems = [f"{name} is not in the manifest" for name in self._members.keys() - listed - {_MANIFEST, _SEAL}]
        for name, file in listed.items():
            if not _is_safe(name):
                problems.append(f"{name} has an unsafe name")
            elif name not in self._members:
                problems.append(f"{name} is missing")
            elif self._hash_of(name) != file.sha256:
                problems.append(f"{name} is damaged: its content does not have its hash")
        if problems:
            raise BackupError(f"the backup cannot be used: {'; '.join(sorted(problems))}")

    def names(self, folder: str) -> list[str]:
        """Return the names of the files below a folder, which ends with `/`."""
        return [file.name for file in self.manifest.files if file.name.startswith(folder)]

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file."""
        source = self._tar.extractfile(self._members[name])
        if source is None:
            raise BackupError(f"{name} is no file")
        with source:
            yield source

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        with self.open(name) as source:
            return source.read()

    def _hash_of(self, name: str) -> str | None:
        if not self._members[name].isfile():
            return None
        with self.open(name) as source:
            reader = _HashingReader(source)
            while reader.read(_PIECE_BYTES):
                pass
            return reader.sha256


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive.

    Raises
    ------
    BackupError
        If it is no whole backup.
    """
    try:
        tar = tarfile.open(path, mode="r:")  # noqa: SIM115 - closed by the block below
    except tarfile.TarError as error:
        raise BackupError(f"{path} is no backup of ML Guard: {error}") from None
    with tar:
        yield Archive(tar, path)


def _members_of(tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """Return the files up to the end, or up to where the archive is cut off or damaged."""
    members = []
    try:
        while (member := tar.next()) is not None:
            members.append(member)
    except tarfile.TarError:
        return members  # without the last file, which the caller looks for
    return members


def _is_safe(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts
