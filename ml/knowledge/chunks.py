"""Documents in pieces that a question can be answered from: within one section and page, cut between sentences."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ml.knowledge.documents import Block, Document
from ml.knowledge.sentences import sentences

_MOST = 900
"""Characters of a chunk; a single longer sentence is a chunk by itself. An embedding model reads about 256 tokens."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document; `place` counts within it, `id` is the same as long as source, title, section and text are."""

    id: str
    source: str
    title: str
    section: str
    page: int | None
    place: int
    text: str
    source_hash: str


def chunks_of(document: Document) -> list[Chunk]:
    """The pieces of a document, in its order."""
    found: list[Chunk] = []
    for (section, page), blocks in groupby(document.blocks, key=lambda block: (block.section, block.page)):
        for text in _pieces(list(blocks)):
            said = f"{document.source}\x1f{document.title}\x1f{section}\x1f{text}"
            chunk_id = hashlib.sha256(said.encode()).hexdigest()[:32]
            found.append(
                Chunk(chunk_id, document.source, document.title, section, page, len(found), text, document.hash)
            )
    unique = {chunk.id: chunk for chunk in reversed(found)}
    return sorted(unique.values(), key=lambda chunk: chunk.place)


def _pieces(blocks: Sequence[Block]) -> Iterator[str]:
    piece: list[str] = []
    size = 0
    for sentence in (sentence for block in blocks for sentence in sentences(block.text)):
        if piece and size + len(sentence) > _MOST:
            yield " ".join(piece)
            piece = piece[-1:]  # the next piece begins with the sentence that it follows
            size = sum(map(len, piece))
        piece.append(sentence)
        size += len(sentence) + 1
    if piece:
        yield " ".join(piece)
