"""Findings out of passages: sentences that stand there, or what a model said and a passage bears. Pure but for similarities.

Each source is read for itself: what one says never decides what is taken from another.
"""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ml.knowledge.answers import Candidate, collect_candidates, extract
from ml.knowledge.claims import Quote, check_claim, split_claims
from serving.assistant.research.arguments import ReadPassage

Similarities: TypeAlias = Callable[[str, Sequence[str]], Awaitable[list[float] | None]]
"""Cosine of each text with a question; None without a model."""

_FINDINGS_MOST = 10
_TOGETHER = 4
_marker = re.compile(r"\s*\[\d{1,3}(?:\s*,\s*\d{1,3})*\]")
_bullet = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")


@dataclass(slots=True)
class Summary:
    """Findings with their quotes, and what was left out, by its fault."""

    findings: list[tuple[str, tuple[Quote, ...]]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)


async def extracted(topic: str, passages: Sequence[ReadPassage], similarities: Similarities | None) -> Summary:
    """Sentences of the passages that say something on the topic: of each source's best passages first, then of its next ones."""
    summary = Summary()
    quotes: dict[str, tuple[Quote, ...]] = {}
    for numbers in _portions(passages):
        its = [passages[n] for n in numbers]
        found: list[Candidate] = collect_candidates(its)
        near = None if similarities is None or not found else await similarities(topic, [one.text for one in found])
        for sentence in extract(topic, its, found, near).sentences:
            quote = Quote(numbers[sentence.passage], sentence.text)
            quotes[sentence.text] = (*quotes.get(sentence.text, ()), quote)
    summary.findings = list(quotes.items())[:_FINDINGS_MOST]
    return summary


def _portions(passages: Sequence[ReadPassage]) -> list[list[int]]:
    """Places of passages that are read together: a few of one source, the best of all sources before their next ones."""
    by_source: dict[str, list[int]] = {}
    for n, passage in enumerate(passages):
        by_source.setdefault(passage.source, []).append(n)
    portions = [
        (start, numbers[start : start + _TOGETHER])
        for numbers in by_source.values()
        for start in range(0, len(numbers), _TOGETHER)
    ]
    return [numbers for _, numbers in sorted(portions, key=lambda portion: portion[0])]


def verified(topic: str, passages: Sequence[ReadPassage], said: str) -> Summary:
    """What a model said, sentence by sentence: only what the passages bear that it cites."""
    summary = Summary()
    texts = [passage.text for passage in passages]
    for sentence in split_claims(said):
        claim = check_claim(_bullet.sub("", sentence), texts, topic)
        if claim.declines:
            continue
        if claim.fault is not None:
            summary.dropped[claim.fault] += 1
            continue
        summary.findings.append((_marker.sub("", claim.text).strip(), claim.quotes))
    return summary
