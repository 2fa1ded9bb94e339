"""Files as documents: the reader of each format, and why a file has no document.

Text is normalized by the readers and nowhere else, because later steps quote it letter by letter. Splitting into chunks does not
belong here.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from ml.knowledge.blocks import Block, Content
from ml.knowledge.html_reader import read_html
from ml.knowledge.markdown_reader import read_markdown
from ml.knowledge.pdf_reader import read_pdf
from ml.knowledge.text_reader import read_text

READER_VERSION: Final = 6
"""To be raised with a new format, and when readers find other text in the same files: the knowledge base is then built again."""

_MAX_BYTES = 64 * 2**20
_PDF_HEAD_BYTES = 1_024  # within which a PDF may begin
# First bytes of files that are no text: what they are, and the suffix with which they are read.
_BINARY: Final[Mapping[bytes, tuple[str, str | None]]] = {
    b"%PDF-": ("PDF", ".pdf"),
    b"PK\x03\x04": ("Word, Excel or ZIP", None),
    b"\xd0\xcf\x11\xe0": ("old Word or Excel", None),
    b"{\\rtf": ("RTF", None),
    b"\x1f\x8b": ("gzip", None),
    b"\x89PNG": ("PNG", None),
    b"\xff\xd8\xff": ("JPEG", None),
    b"GIF8": ("GIF", None),
    b"bplist00": ("Safari's web archives", None),
    b"version https://git-lfs": ("Git LFS, which points to the real one", None),
}


class DocumentError(ValueError):
    """A file cannot be read; the message names it and the reason."""


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file.

    Attributes
    ----------
    hash : SHA-256 of the file's bytes, hexadecimal.
    unread : the part of the file that cannot be read, and why; None if all of it was read.
    guessed_encoding : of a text file that does not name its encoding; None if nothing was guessed.
    """

    source: str
    title: str
    hash: str
    blocks: tuple[Block, ...]
    unread: str | None = None
    guessed_encoding: str | None = None


def read_document(source: str, data: bytes) -> Document:
    """Read a file in the format of its suffix.

    Parameters
    ----------
    source : name of the file, as citations will show it.
    data : its content.

    Raises
    ------
    DocumentError
        If its format is not supported, or it is damaged, too large or without text.
    """
    check_format(source)
    read = _READERS[_suffix(source)]
    if len(data) > _MAX_BYTES:
        raise DocumentError(f"{source}: too large: it has more than {_MAX_BYTES // 2**20} MiB")
    binary, suffix = next((kind for start, kind in _BINARY.items() if data.startswith(start)), (None, None))
    if binary is not None and suffix != _suffix(source):
        raise DocumentError(
            f"{source}: unreadable: it is a file of {binary}, against its suffix; export it as PDF, HTML or text"
        )
    if _suffix(source) == ".pdf" and b"%PDF-" not in data[:_PDF_HEAD_BYTES]:
        raise DocumentError(f"{source}: unreadable: it is no PDF, against its suffix; download or export it again")
    try:
        content = read(data)
    except Exception as error:  # parsers raise many types of errors for damaged files
        kind = read.__name__.removeprefix("read_")
        reason = f"it cannot be read as {kind}: {type(error).__name__}: {error}"
        raise DocumentError(f"{source}: unreadable: {reason}") from error
    if not content.blocks:
        raise DocumentError(
            f"{source}: empty: there is no text in it" + (f", only {content.unread}" if content.unread else "")
        )
    title = content.title or PurePosixPath(source).stem
    digest = hashlib.sha256(data).hexdigest()
    return Document(source, title, digest, content.blocks, content.unread, content.guessed_encoding)


def check_format(source: str) -> None:
    """Check that a file can have a document, by its suffix alone.

    Raises
    ------
    DocumentError
        If its format is not supported.
    """
    if _suffix(source) not in _READERS:
        formats = ", ".join(sorted(_READERS))
        raise DocumentError(f"{source}: unknown format: only {formats} can be read")


def _suffix(source: str) -> str:
    return PurePosixPath(source).suffix.lower()


_READERS: Final[Mapping[str, Callable[[bytes], Content]]] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
    ".txt": read_text,
}
