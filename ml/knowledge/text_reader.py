"""Plain text as blocks: paragraphs, list items and rows of tables, below headings that are underlined.

Other formats do not belong here; Markdown is in `markdown_reader.py`.
"""

import re
from collections.abc import Sequence

from ml.encodings import decode_text
from ml.knowledge.blocks import Content, Outline
from ml.knowledge.lines import split_items, vocabulary_of

_paragraph_end = re.compile(r"\n\s*\n|\f")
_quotation = re.compile(r"^>.*(?:\n>.*)+", re.MULTILINE)
_quote_mark = re.compile(r"^(?:> ?)+", re.MULTILINE)
_underline = re.compile(r"\s*(?:={3,}|-{3,}|~{3,})\s*").fullmatch
_gap = re.compile(r" *\t *|(?<=[^\s.!?:;]) {2,}(?=\S)")
_CELL = " | "


def read_text(data: bytes) -> Content:
    """Read a text file, with its lines joined to paragraphs."""
    decoded = decode_text(data)
    text = _quotation.sub(lambda match: _quote_mark.sub("", match[0]), decoded.text)
    outline, vocabulary = Outline(), vocabulary_of(text.split("\n"))
    for paragraph in _paragraph_end.split(text):
        _add_paragraph(outline, [line for line in paragraph.split("\n") if line.strip()], vocabulary)
    return Content(outline.title, outline.blocks(), guessed_encoding=decoded.guessed)


def _add_paragraph(outline: Outline, lines: Sequence[str], vocabulary: frozenset[str]) -> None:
    if len(lines) > 1 and _underline(lines[1]) and not _underline(lines[0]):
        outline.enter(1 if "=" in lines[1] else 2, lines[0])
        lines = lines[2:]
    rows = [line.strip() for line in lines]
    for block in (_gap.sub(_CELL, row) for row in rows) if _is_table(rows) else split_items(lines, vocabulary):
        outline.add(block)


def _is_table(rows: Sequence[str]) -> bool:
    """Return whether rows have tabs, or a column that begins at the same place in all; the gaps of justified prose do not."""
    if len(rows) < 2:
        return False
    columns = [{gap.end() for gap in _gap.finditer(row)} for row in rows]
    return all("\t" in row for row in rows) or bool(set.intersection(*columns))
