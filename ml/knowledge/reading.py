"""Reading of many files: documents, and the files that were skipped with the reason.

A damaged file does not stop the others. Formats do not belong here; they are in `documents.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ml.knowledge.documents import Document, DocumentError, check_format, read_document


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that could not be read, or not as a whole or for certain, and why.

    Attributes
    ----------
    reason : begins with its kind: unreadable, empty, unknown format, too large, partly, or guessed encoding.
    """

    source: str
    reason: str

    @property
    def is_unknown_format(self) -> bool:
        """Whether the file is of a format that is not supported, such as a picture beside the documents."""
        return self.reason.startswith("unknown format")


@dataclass(slots=True)
class ReadResult:
    """Documents, and files that were skipped as a whole or in part."""

    documents: list[Document] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def read_documents(names: Iterable[str], content: Callable[[str], bytes]) -> ReadResult:
    """Read files, skipping those that cannot be read.

    Parameters
    ----------
    names : names of the files, as citations will show them.
    content : returns the bytes of a file by its name; may raise OSError.
    """
    result = ReadResult()
    for name in names:
        try:
            check_format(name)  # first: a film beside the documents is never read
            document = read_document(name, content(name))
        except DocumentError as error:
            result.skipped.append(Skipped(name, str(error).removeprefix(f"{name}: ")))
        except OSError as error:
            result.skipped.append(Skipped(name, f"unreadable: {error}"))
        else:
            result.documents.append(document)
            if document.unread is not None:
                result.skipped.append(Skipped(name, f"partly: {document.unread}"))
            elif document.guessed_encoding is not None:
                reason = f"guessed encoding: {document.guessed_encoding}; save the file as UTF-8 if letters are wrong"
                result.skipped.append(Skipped(name, reason))
    return result
