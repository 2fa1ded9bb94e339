"""Blocks of text below headings: what all readers of documents produce.

Formats do not belong here; each has a reader.
"""

from dataclasses import dataclass

from ml.knowledge.normalization import normalize_text

_SEPARATOR = " > "


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
class Content:
    """What a reader makes of a file.

    Attributes
    ----------
    unread : the part of the file that cannot be read, and why; None if all of it was read.
    guessed_encoding : of a text file that does not name its encoding; None if nothing was guessed.
    """

    title: str
    blocks: tuple[Block, ...]
    unread: str | None = None
    guessed_encoding: str | None = None


@dataclass(slots=True)
class _Heading:
    level: int
    text: str
    page: int | None
    has_text: bool = False


class Outline:
    """Collects the blocks of a file under the path of its headings.

    A heading without text below it becomes a block itself, because headings are indexed with the text of their section.

    Parameters
    ----------
    title : of the document; without one, the first heading of level 1.
    """

    def __init__(self, title: str = "") -> None:
        self.title = normalize_text(title)
        self._blocks: list[Block] = []
        self._path: list[_Heading] = []

    def enter(self, level: int, text: str, page: int | None = None) -> None:
        """Begin a section."""
        heading = normalize_text(text)
        if not heading or (level == 1 and heading == self.title):
            return
        if level == 1 and not self.title:
            self.title = heading
            return
        self._leave(level)
        self._path.append(_Heading(level, heading, page))

    def add(self, text: str, page: int | None = None) -> None:
        """Add a block to the present section."""
        normalized = normalize_text(text)
        if normalized:
            self._blocks.append(Block(normalized, self._section, page))
            for heading in self._path:
                heading.has_text = True

    def blocks(self) -> tuple[Block, ...]:
        """Close all sections and return the blocks."""
        self._leave(0)
        if self.title and not self._blocks:
            self.add(self.title)
        return tuple(self._blocks)

    @property
    def _section(self) -> str:
        return _SEPARATOR.join(heading.text for heading in self._path)

    def _leave(self, level: int) -> None:
        while self._path and self._path[-1].level >= level:
            if not self._path[-1].has_text:
                self.add(self._path[-1].text, self._path[-1].page)
            self._path.pop()
