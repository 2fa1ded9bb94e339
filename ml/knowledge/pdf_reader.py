"""PDF as blocks: lines become paragraphs, headings are recognised by their font size.

Other formats do not belong here.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby
from typing import Any, Final

from ml.knowledge.blocks import Block, Content, Outline
from ml.knowledge.normalization import normalize_text
from ml.knowledge.sentences import sentences

_MAX_HEADING_CHARACTERS = 160
_SOFT_HYPHEN: Final = "\u00ad"
_word = re.compile(r"\w+(?:-\w+)*")
_divided = re.compile(r"(\w+(?:-\w+)*)-$")
_CONJUNCTIONS: Final = frozenset({"and", "or", "to", "und", "oder", "bis"})  # after "pre-" in "pre- and post-war"


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    size: float
    page: int


def read_pdf(data: bytes) -> Content:
    """Read a PDF file; pages that hold images and no text are named."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    lines: list[_Line] = []
    scans: list[int] = []
    for number, page in enumerate(reader.pages, 1):
        lines_of_page = list(_lines(page, number))
        lines += lines_of_page
        if not lines_of_page and page.images.keys():
            scans.append(number)
    title = reader.metadata.title if reader.metadata else None
    outline = _outline(lines)
    blocks = tuple(_whole_sentences(outline.blocks(), _vocabulary(lines)))
    return Content(outline.title or normalize_text(title or ""), blocks, _describe_scans(scans))


def _describe_scans(pages: Sequence[int]) -> str | None:
    return f"images without text on page {', '.join(map(str, pages))}" if pages else None


def _outline(lines: Sequence[_Line]) -> Outline:
    outline, levels, vocabulary = Outline(), _heading_levels(lines), _vocabulary(lines)

    def level_of(line: _Line) -> int | None:
        return levels.get(line.size) if len(line.text) <= _MAX_HEADING_CHARACTERS else None

    for (level, page), group in groupby(lines, key=lambda line: (level_of(line), line.page)):
        texts = [line.text for line in group]
        if level is None:
            outline.add(reduce(lambda before, after: _join(before, after, vocabulary), texts), page)
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


def _vocabulary(lines: Sequence[_Line]) -> frozenset[str]:
    return frozenset(word.lower() for line in lines for word in _word.findall(line.text))


def _join(before: str, after: str, vocabulary: frozenset[str]) -> str:
    """Join two lines; a word divided between them is whole again.

    The hyphen stays if it belongs to the word: the rest is no lower-case word, or the document has the word with its hyphen.
    """
    first, rest = _divided.search(before), _word.match(after)
    if first is None or rest is None or rest[0] in _CONJUNCTIONS:
        return f"{before} {after}".strip()
    compound = f"{first[1]}-{rest[0]}".lower()
    plain = f"{first[1]}{rest[0]}".lower()
    is_compound = compound.count("-") > 1 or (compound in vocabulary and plain not in vocabulary)
    if is_compound or not (rest[0][0].islower() and first[1][-1].isalpha()):
        return before + after
    return before[:-1] + after


def _whole_sentences(blocks: Sequence[Block], vocabulary: frozenset[str]) -> Iterator[Block]:
    """Move the rest of a sentence that continues on the next page to the page where it begins."""
    before: Block | None = None
    for block in blocks:
        current = block
        if before is not None and before.section == current.section and before.text[-1] not in ".!?:;":
            first, *others = sentences(current.text)
            before = replace(before, text=_join(before.text, first, vocabulary))
            current = replace(current, text=" ".join(others))
            if not current.text:
                continue
        if before is not None:
            yield before
        before = current
    if before is not None:
        yield before


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
