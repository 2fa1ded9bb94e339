"""Plain text as blocks: paragraphs, list items and rows of tables, below headings that are underlined.

Other formats do not belong here; Markdown is in `markdown_reader.py`.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from ml.encodings import decode_text
from ml.knowledge.blocks import Content, Outline
from ml.knowledge.lines import split_items, vocabulary_of

_paragraph_end = re.compile(r"\n\s*\n|\f")
_quotation = re.compile(r"^>.*(?:\n>.*)+", re.MULTILINE)
_quote_mark = re.compile(r"^(?:> ?)+", re.MULTILINE)
_underline = re.compile(r"\s*(?:={3,}|-{3,}|~{3,})\s*").fullmatch
_gap = re.compile(r" *\t *|(?<=[^\s.!?:;]) {2,}(?=\S)")
# Of tables that are drawn with signs, as by psql, MySQL and Markdown.
_border = re.compile(r"(?=.*[-=─━═]{2})[-=+|: ─━═│┃║┌-╬]*[+|│┃║┌-╬][-=+|: ─━═│┃║┌-╬]*").fullmatch
_cell_border = re.compile(r"\s*[|│┃║]\s*")
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
    if any(map(_border, rows)):
        for block in _drawn_table([row for row in rows if not _border(row)], vocabulary):
            outline.add(block)
        return
    for block in (_gap.sub(_CELL, row) for row in rows) if _is_table(rows) else split_items(lines, vocabulary):
        outline.add(block)


def _drawn_table(lines: Sequence[str], vocabulary: frozenset[str]) -> Iterator[str]:
    """Yield the rows of a table, and the text around them."""
    for is_table, group in groupby(lines, key=lambda line: _cell_border.search(line) is not None):
        rows = list(group)
        if not is_table:
            yield from split_items(rows, vocabulary)
            continue
        has_frame = all(_cell_border.match(row) for row in rows)
        for row in rows:
            cells = _cell_border.split(row)
            yield _CELL.join(cells[1:-1] if has_frame else cells)


def _is_table(rows: Sequence[str]) -> bool:
    """Return whether rows have tabs, or a column that begins at the same place in all; the gaps of justified prose do not."""
    if len(rows) < 2:
        return False
    columns = [{gap.end() for gap in _gap.finditer(row)} for row in rows]
    return all("\t" in row for row in rows) or bool(set.intersection(*columns))
