"""Reading of many files: documents, and the files that were skipped with the reason.

A damaged file does not stop the others. Formats do not belong here; they are in `documents.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ml.knowledge.documents import SUFFIXES, Document, DocumentError, read_document


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that could not be read, and why."""

    source: str
    reason: str


@dataclass(slots=True)
class ReadResult:
    """Documents and skipped files; `ignored` counts files of unsupported formats."""

    documents: list[Document] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    ignored: int = 0


def read_documents(names: Iterable[str], content: Callable[[str], bytes]) -> ReadResult:
    """Read files, skipping those that cannot be read.

    Parameters
    ----------
    names : names of the files, as citations will show them.
    content : returns the bytes of a file by its name; may raise OSError.
    """
    result = ReadResult()
    for name in names:
        if PurePosixPath(name).suffix.lower() not in SUFFIXES:
            result.ignored += 1
            continue
        try:
            result.documents.append(read_document(name, content(name)))
        except (OSError, DocumentError) as error:
            result.skipped.append(Skipped(name, str(error).removeprefix(f"{name}: ")))
    return result
