"""Files as documents: blocks of text with their section and page. Markdown, HTML, PDF and plain text.

White space is normalized here and nowhere else, because later steps quote these texts letter by letter. Splitting into chunks does
not belong here.
"""

import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final

from ml.knowledge.sentences import sentences

_PARSERS_BY_SUFFIX = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".txt": "text",
}
SUFFIXES: Final = frozenset(_PARSERS_BY_SUFFIX)
"""Suffixes of the supported formats."""

_SEPARATOR = " > "
_MAX_HEADING_CHARACTERS = 160
_MAX_BYTES = 64 * 2**20


class DocumentError(ValueError):
    """A file cannot be read; the message names it and the reason."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list item or table row.

    Attributes
    ----------
    section : path of the headings above it.
    page : from 1; None if the format has no pages.
    """

    text: str
    section: str
    page: int | None


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file; `hash` is the SHA-256 of the file's bytes, hexadecimal."""

    source: str
    title: str
    hash: str
    blocks: tuple[Block, ...]


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
    kind = _PARSERS_BY_SUFFIX.get(PurePosixPath(source).suffix.lower())
    if kind is None:
        raise DocumentError(f"{source}: only {', '.join(sorted(SUFFIXES))} can be read")
    if len(data) > _MAX_BYTES:
        raise DocumentError(f"{source}: it has more than {_MAX_BYTES // 2**20} MiB")
    try:
        title, blocks = _parse(kind, data)
    except Exception as error:  # parsers raise many types of errors for damaged files
        raise DocumentError(f"{source}: it cannot be read as {kind}: {type(error).__name__}: {error}") from error
    filled = tuple(block for block in blocks if block.text)
    if not filled:
        raise DocumentError(f"{source}: there is no text in it" + (" (a scan?)" if kind == "pdf" else ""))
    return Document(source, title or PurePosixPath(source).stem, hashlib.sha256(data).hexdigest(), filled)


def _parse(kind: str, data: bytes) -> tuple[str, list[Block]]:
    match kind:
        case "markdown":
            return _markdown(_decoded(data))
        case "html":
            return _html(data)
        case "pdf":
            return _pdf(data)
    return "", [Block(_plain(part), "", None) for part in re.split(r"\n\s*\n", _decoded(data))]


class _Headings:
    """The path of headings during parsing, without the document's title."""

    def __init__(self) -> None:
        self.title = ""
        self._path: list[tuple[int, str]] = []

    def enter(self, level: int, text: str) -> None:
        if level == 1 and not self.title:
            self.title = text
            return
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._path.append((level, text))

    @property
    def section(self) -> str:
        return _SEPARATOR.join(text for _, text in self._path)


def _markdown(text: str) -> tuple[str, list[Block]]:
    from markdown_it import MarkdownIt

    headings, blocks = _Headings(), []
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    level = 0
    row: list[str] = []
    in_row = False
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1:])
        elif token.type == "tr_open":
            row, in_row = [], True
        elif token.type == "tr_close":
            blocks.append(Block(" | ".join(row), headings.section, None))
            in_row = False
        elif token.type in ("fence", "code_block"):
            blocks.append(Block(_plain(token.content), headings.section, None))
        elif token.type == "inline":
            content = _plain(_inline(token))
            if level:
                headings.enter(level, content)
                level = 0
            elif in_row:
                row.append(content)
            else:
                blocks.append(Block(content, headings.section, None))
    return headings.title, blocks


def _inline(token: Any) -> str:
    children = token.children or ()
    return "".join(" " if c.type in ("softbreak", "hardbreak") else c.content for c in children)


def _html(data: bytes) -> tuple[str, list[Block]]:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(data, "html.parser")
    for skipped in soup(["script", "style", "nav", "template", "noscript", "svg", "footer"]):
        skipped.decompose()
    headings, blocks = _Headings(), []
    for element in soup.find_all(
        ["h1", "h2", "h3", "h4", "h5", "h6", "p", "li", "tr", "pre", "blockquote", "dt", "dd"]
    ):
        if element.name[0] == "h" and element.name[1:].isdigit():
            headings.enter(int(element.name[1:]), _plain(element.get_text(" ")))
        elif element.find(["p", "li", "tr", "pre"]) is None:  # otherwise its children are read separately
            cells = element.find_all(["td", "th"]) if element.name == "tr" else []
            text = " | ".join(_plain(cell.get_text(" ")) for cell in cells) if cells else _plain(element.get_text(" "))
            blocks.append(Block(text, headings.section, None))
    title = headings.title or (_plain(soup.title.get_text()) if soup.title else "")
    return title, blocks


@dataclass(slots=True)
class _Line:
    text: str
    size: float
    page: int


def _pdf(data: bytes) -> tuple[str, list[Block]]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    lines = [line for number, page in enumerate(reader.pages, 1) for line in _pdf_lines(page, number)]
    if not lines:
        return "", []
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0]
    larger = sorted((size for size in sizes if size > body * 1.05), reverse=True)
    levels = {size: level for level, size in enumerate(larger, 1)}
    headings, blocks = _Headings(), []
    paragraph: list[str] = []

    def close(page: int) -> None:
        blocks.append(Block(_plain(" ".join(paragraph)), headings.section, page))
        paragraph.clear()

    before: _Line | None = None
    for line in lines:
        is_heading = line.size in levels and len(line.text) <= _MAX_HEADING_CHARACTERS
        if before is not None and (is_heading or line.page != before.page):
            close(before.page)
        if is_heading:
            headings.enter(levels[line.size], line.text)
        else:
            paragraph.append(line.text)
        before = line
    if before is not None:
        close(before.page)
    title = reader.metadata.title if reader.metadata else None
    return headings.title or _plain(title or ""), list(_whole_sentences(blocks))


def _whole_sentences(blocks: Sequence[Block]) -> Iterator[Block]:
    """Move the rest of a sentence that continues on the next page to the page where it begins."""
    before: Block | None = None
    for block in blocks:
        current = block
        if before is not None and before.text and before.section == current.section and before.text[-1] not in ".!?:;":
            first, *others = sentences(current.text) or [""]
            before = replace(before, text=_plain(f"{before.text} {first}"))
            current = replace(current, text=" ".join(others))
            if not current.text:
                continue
        if before is not None:
            yield before
        before = current
    if before is not None:
        yield before


def _pdf_lines(page: Any, number: int) -> Iterator[_Line]:
    """Yield the lines of a page from top to bottom, with their font size."""
    parts: list[tuple[str, float]] = []

    def visit(text: str, _: Any, matrix: Any, __: Any, size: float) -> None:
        parts.append((text, round(abs(float(size) * (float(matrix[3]) or 1.0)), 1)))

    page.extract_text(visitor_text=visit)
    line, size = "", 0.0
    for text, part_size in parts:
        for place, piece in enumerate(text.split("\n")):
            if place and _plain(line):
                yield _Line(_plain(line), size, number)
            if place:
                line, size = "", 0.0
            if piece.strip():
                size = max(size, part_size)
            line += piece
    if _plain(line):
        yield _Line(_plain(line), size, number)


def _decoded(data: bytes) -> str:
    """Decode UTF-8, UTF-16 with a byte order mark, or Latin-1."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _plain(text: str) -> str:
    return " ".join(text.split())
