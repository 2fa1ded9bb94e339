"""The material of a research: passages after the content policy, their sources, and which sources are not trusted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ml.knowledge.stems import content_stems, covered_share, stems_of
from serving.assistant.research.arguments import ReadPassage
from serving.assistant.research.risk import count_instructions
from serving.gateway.calls.policy_session import PolicySession

_MAX_PASSAGES = 12
MAX_READ_BYTES: Final = 16_000
"""Maximum UTF-8 bytes of the passages to summarise."""

_INJECTION = "It contains instructions to a model: nothing of it is summarised."
_BLOCKED = "The policy blocks its text."


@dataclass(slots=True)
class Source:
    """A document or a page; `note` is the reason why it was not read, or is not trusted."""

    name: str
    kind: Literal["knowledge", "web"]
    title: str = ""
    note: str | None = None
    trusted: bool = True


@dataclass(slots=True)
class Material:
    """All passages and sources read."""

    session: PolicySession
    sources: dict[str, Source] = field(default_factory=dict)
    passages: dict[str, ReadPassage] = field(default_factory=dict)

    def source(self, name: str, kind: Literal["knowledge", "web"]) -> Source:
        """Return the source of a name; add it if it is new."""
        return self.sources.setdefault(name, Source(name, kind))

    def check(self, received: Iterable[Mapping[str, Any]], kind: Literal["knowledge", "web"]) -> list[ReadPassage]:
        """Return passages after the content policy; a source with instructions to a model is no longer trusted."""
        return [passage for item in received if (passage := self._check(item, kind)) is not None]

    def add(self, passages: Iterable[ReadPassage]) -> None:
        """Add passages; those already there stay unchanged."""
        for passage in passages:
            self.passages.setdefault(passage.chunk_id, passage)

    def trusted(self) -> list[ReadPassage]:
        """Return the passages of trusted sources."""
        return [passage for passage in self.passages.values() if self.sources[passage.source].trusted]

    def _check(self, received: Mapping[str, Any], kind: Literal["knowledge", "web"]) -> ReadPassage | None:
        source = self.source(received["source"], kind)
        texts = {name: self.session.passage(received[name]) for name in ("text", "title", "section")}
        if texts["text"] is None:
            source.note = source.note or _BLOCKED
            return None
        passage = ReadPassage(**{**received, **{name: text or "" for name, text in texts.items()}})
        source.title = source.title or passage.title
        if count_instructions(passage.text, f"{passage.title}\n{passage.section}"):
            source.trusted, source.note = False, _INJECTION
            self.add([passage])  # the risk check needs the text, even though it is not summarised
        return passage


def select_nearest(topic: str, passages: Sequence[ReadPassage], most: int = _MAX_PASSAGES) -> list[ReadPassage]:
    """Select the passages nearest to a topic, best first; each is scored independently, so that none affects another's rank."""
    stems = content_stems(topic)

    def nearness(passage: ReadPassage) -> float:
        if passage.similarity is not None:
            return passage.similarity
        return covered_share(stems, stems_of(f"{passage.title} {passage.section} {passage.text}"))

    ordered = sorted(passages, key=lambda passage: (-nearness(passage), passage.source, passage.place))
    chosen: list[ReadPassage] = []
    size = 0
    for passage in ordered[:most]:
        size += len(passage.text.encode())
        if size > MAX_READ_BYTES:
            break
        chosen.append(passage)
    return chosen


def select_around(passages: Sequence[ReadPassage], places: Iterable[int]) -> list[ReadPassage]:
    """Select the passages of a document at some places, with their neighbours."""
    selected = {place + step for place in places for step in (-1, 0, 1)}
    return [passage for passage in passages if passage.place in selected]
