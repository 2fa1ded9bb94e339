"""PDF as blocks: lines become paragraphs, headings are recognised by their font size.

Other formats do not belong here.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

from ml.knowledge.blocks import Block, Content, Outline
from ml.knowledge.lines import is_item, join_lines, split_items, vocabulary_of
from ml.knowledge.normalization import normalize_text
from ml.knowledge.sentences import sentences

_MAX_HEADING_CHARACTERS = 160
_SOFT_HYPHEN: Final = "\u00ad"
_MIN_RUNNING_PAGES: Final = 3


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    size: float
    page: int


def read_pdf(data: bytes) -> Content:
    """Read a PDF file with its forms and comments; pages that hold images and no text are named.

    Raises
    ------
    ValueError
        If only a password opens it.
    """
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise ValueError("only a password opens it; save a copy without one")
    lines: list[_Line] = []
    scans: list[int] = []
    notes: list[Block] = []
    for number, page in enumerate(reader.pages, 1):
        lines_of_page = list(_lines(page, number))
        lines += lines_of_page
        notes += (Block(text, "", number) for text in map(normalize_text, _notes(page)) if text)
        if not lines_of_page and page.images.keys():
            scans.append(number)
    title = reader.metadata.title if reader.metadata else None
    running, body = _split_running_lines(lines)
    vocabulary = vocabulary_of([line.text for line in body])
    outline = _outline(body, vocabulary)
    blocks = (
        *(Block(line.text, "", line.page) for line in running),
        *_whole_sentences(outline.blocks(), vocabulary),
        *notes,
    )
    return Content(outline.title or normalize_text(title or ""), blocks, _describe_scans(scans))


def _notes(page: Any) -> Iterator[str]:
    """Yield the texts of comments and text boxes, and the values of form fields, which are no part of a page's content."""
    for reference in page.annotations or ():
        note = reference.get_object()
        is_field = note.get("/Subtype") == "/Widget"
        holder = note["/Parent"] if is_field and "/V" not in note and "/Parent" in note else note
        key = "/V" if is_field else "/Contents"
        value = holder[key] if key in holder else None  # noqa: SIM401 - `get` does not resolve references
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and not text.startswith("/"):  # the value of a check box is a name, such as /Yes
                yield text


def _describe_scans(pages: Sequence[int]) -> str | None:
    return f"images without text on page {', '.join(map(str, pages))}" if pages else None


def _split_running_lines(lines: Sequence[_Line]) -> tuple[list[_Line], list[_Line]]:
    """Return the first of each header and footer, which run through most pages at their top or end, and all other lines."""
    pages = [list(group) for _, group in groupby(lines, key=lambda line: line.page)]
    edges = Counter(text for page in pages for text in {_without_page(line) for line in (page[0], page[-1])})
    least = max(_MIN_RUNNING_PAGES, len(pages) // 2 + 1)
    running: dict[str, _Line] = {}
    body: list[_Line] = []
    for page in pages:
        for line in page:
            text = _without_page(line)
            if edges[text] >= least and (line is page[0] or line is page[-1]):
                running.setdefault(text, line)
            else:
                body.append(line)
    return list(running.values()), body


def _without_page(line: _Line) -> str:
    return re.sub(rf"\b{line.page}\b", "", line.text, count=1)


def _outline(lines: Sequence[_Line], vocabulary: frozenset[str]) -> Outline:
    outline, levels = Outline(), _heading_levels(lines)

    def level_of(line: _Line) -> int | None:
        return levels.get(line.size) if len(line.text) <= _MAX_HEADING_CHARACTERS else None

    for (level, page), group in groupby(lines, key=lambda line: (level_of(line), line.page)):
        texts = [line.text for line in group]
        if level is None:
            for item in split_items(texts, vocabulary):
                outline.add(item, page)
            continue
        for text in texts:
            outline.enter(level, text, page)
    return outline


def _heading_levels(lines: Sequence[_Line]) -> Mapping[float, int]:
    """Return the level of each font size that is larger than the size of most letters."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    larger = sorted((size for size in sizes if size > body * 1.05), reverse=True)
    return {size: level for level, size in enumerate(larger, 1)}


def _whole_sentences(blocks: Sequence[Block], vocabulary: frozenset[str]) -> Iterator[Block]:
    """Move the rest of a sentence that continues on the next page to the page where it begins."""
    before: Block | None = None
    for block in blocks:
        current = block
        if before is not None and _continues(before, current):
            first, *others = sentences(current.text)
            before = replace(before, text=join_lines(before.text, first, vocabulary))
            current = replace(current, text=" ".join(others))
            if not current.text:
                continue
        if before is not None:
            yield before
        before = current
    if before is not None:
        yield before


def _continues(before: Block, block: Block) -> bool:
    """Return whether a block is on another page than the beginning of its first sentence."""
    is_same_text = before.page != block.page and before.section == block.section and not is_item(block.text)
    return is_same_text and before.text[-1] not in ".!?:;"


def _lines(page: Any, number: int) -> Iterator[_Line]:
    """Yield the lines of a page from top to bottom, with their font size."""
    parts: list[tuple[str, float]] = []

    def visit(text: str, _: Any, matrix: Any, __: Any, size: float) -> None:
        parts.append((text, round(abs(float(size) * (float(matrix[3]) or 1.0)), 1)))

    page.extract_text(visitor_text=visit)
    line, size = "", 0.0
    for text, part_size in (*parts, ("\n", 0.0)):
        for place, piece in enumerate(text.split("\n")):
            if place:
                if normalized := _normalize_line(line):
                    yield _Line(normalized, size, number)
                line, size = "", 0.0
            if piece.strip():
                size = max(size, part_size)
            line += piece


def _normalize_line(line: str) -> str:
    """Normalize a line, with a visible hyphen where a word is divided at its end."""
    text = line.rstrip()
    return normalize_text(text[:-1] + "-" if text.endswith(_SOFT_HYPHEN) else text)
