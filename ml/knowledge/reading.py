"""Many files at once: what can be read, and what was left out and why. One bad file never stops the others."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ml.knowledge.documents import SUFFIXES, Document, DocumentError, read_document


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that cannot be read, and why."""

    source: str
    reason: str


@dataclass(slots=True)
class Read:
    """What was read; `ignored` counts files of kinds that nothing here reads."""

    documents: list[Document] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    ignored: int = 0


def read_documents(names: Iterable[str], content: Callable[[str], bytes]) -> Read:
    """Read files.

    Parameters
    ----------
    names : of the files, as citations will show them.
    content : gives the bytes of one; may raise OSError.
    """
    found = Read()
    for name in names:
        if PurePosixPath(name).suffix.lower() not in SUFFIXES:
            found.ignored += 1
            continue
        try:
            found.documents.append(read_document(name, content(name)))
        except (OSError, DocumentError) as error:
            found.skipped.append(Skipped(name, str(error).removeprefix(f"{name}: ")))
    return found
