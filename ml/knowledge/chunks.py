"""Documents split into chunks: passages within one section and page, cut between sentences.

Sentence boundaries are in `sentences.py`; vectors of chunks do not belong here.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ml.knowledge.blocks import Block
from ml.knowledge.documents import Document
from ml.knowledge.sentences import sentences

_MAX_CHARACTERS = 900
"""Maximum characters of a chunk: an embedding model reads about 256 tokens. A longer sentence is a chunk by itself."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a document.

    Attributes
    ----------
    id : hash of source, title, section and text; equal chunks have equal ids.
    place : position within the document, from 0.
    """

    id: str
    source: str
    title: str
    section: str
    page: int | None
    place: int
    text: str
    source_hash: str


def split_document(document: Document) -> list[Chunk]:
    """Split a document into chunks, in its order, without repeated ones."""
    chunks: list[Chunk] = []
    for (section, page), blocks in groupby(document.blocks, key=lambda block: (block.section, block.page)):
        for text in _pieces(list(blocks)):
            content = f"{document.source}\x1f{document.title}\x1f{section}\x1f{text}"
            chunk_id = hashlib.sha256(content.encode()).hexdigest()[:32]
            chunks.append(
                Chunk(chunk_id, document.source, document.title, section, page, len(chunks), text, document.hash)
            )
    unique = {chunk.id: chunk for chunk in reversed(chunks)}
    return sorted(unique.values(), key=lambda chunk: chunk.place)


def _pieces(blocks: Sequence[Block]) -> Iterator[str]:
    piece: list[str] = []
    size = 0
    for sentence in (sentence for block in blocks for sentence in sentences(block.text)):
        if piece and size + len(sentence) > _MAX_CHARACTERS:
            yield " ".join(piece)
            piece = piece[-1:]  # neighbouring chunks share a sentence
            size = sum(map(len, piece))
        piece.append(sentence)
        size += len(sentence) + 1
    if piece:
        yield " ".join(piece)
