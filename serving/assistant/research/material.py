"""What a research has read: passages as the policy lets them be read, their sources, and which of them are not trusted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ml.knowledge.wording import content_stems, covered_share, stems_of
from serving.assistant.research.arguments import ReadPassage
from serving.assistant.research.risk import orders_in
from serving.gateway.calls.policy_session import Judging

_READ_MOST = 12
READ_BYTES: Final = 16_000
"""UTF-8 bytes of the passages that are summed up at most."""

_ORDERS = "It tries to give orders to a model: nothing of it is summed up."
_BLOCKED = "The policy blocks what it says."


@dataclass(slots=True)
class Source:
    """A document or a page; `note` says why it was not read, or is not trusted."""

    name: str
    kind: Literal["knowledge", "web"]
    title: str = ""
    note: str | None = None
    trusted: bool = True


@dataclass(slots=True)
class Material:
    """Everything that was read."""

    judging: Judging
    sources: dict[str, Source] = field(default_factory=dict)
    passages: dict[str, ReadPassage] = field(default_factory=dict)

    def source(self, name: str, kind: Literal["knowledge", "web"]) -> Source:
        """The source of a name, known from now on."""
        return self.sources.setdefault(name, Source(name, kind))

    def judged(self, found: Iterable[Mapping[str, Any]], kind: Literal["knowledge", "web"]) -> list[ReadPassage]:
        """Passages as they may be read; one whose text gives orders takes the trust from its source."""
        return [passage for one in found if (passage := self._judged(one, kind)) is not None]

    def add(self, passages: Iterable[ReadPassage]) -> None:
        """Take passages for reading; what is known already stays as it is."""
        for passage in passages:
            self.passages.setdefault(passage.chunk_id, passage)

    def trusted(self) -> list[ReadPassage]:
        """Passages of sources that are trusted."""
        return [passage for passage in self.passages.values() if self.sources[passage.source].trusted]

    def _judged(self, found: Mapping[str, Any], kind: Literal["knowledge", "web"]) -> ReadPassage | None:
        source = self.source(found["source"], kind)
        texts = {name: self.judging.passage(found[name]) for name in ("text", "title", "section")}
        if texts["text"] is None:
            source.note = source.note or _BLOCKED
            return None
        passage = ReadPassage(**{**found, **{name: text or "" for name, text in texts.items()}})
        source.title = source.title or passage.title
        if orders_in(passage.text, f"{passage.title}\n{passage.section}"):
            source.trusted, source.note = False, _ORDERS
            self.add([passage])  # what is told of a risk must have been read
        return passage


def nearest(topic: str, passages: Sequence[ReadPassage], most: int = _READ_MOST) -> list[ReadPassage]:
    """The passages that are nearest to a topic, best first; each is compared by itself, so that none decides about another."""
    wanted = content_stems(topic)

    def nearness(passage: ReadPassage) -> float:
        if passage.similarity is not None:
            return passage.similarity
        return covered_share(wanted, stems_of(f"{passage.title} {passage.section} {passage.text}"))

    ordered = sorted(passages, key=lambda passage: (-nearness(passage), passage.source, passage.place))
    chosen: list[ReadPassage] = []
    size = 0
    for passage in ordered[:most]:
        size += len(passage.text.encode())
        if size > READ_BYTES:
            break
        chosen.append(passage)
    return chosen


def around(passages: Sequence[ReadPassage], places: Iterable[int]) -> list[ReadPassage]:
    """The passages of a document at some places, with their neighbours."""
    wanted = {place + step for place in places for step in (-1, 0, 1)}
    return [passage for passage in passages if passage.place in wanted]
