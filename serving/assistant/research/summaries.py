"""Findings from passages: extracted sentences, or sentences of a model that a passage supports. Pure except for similarities.

Each source is read separately: the text of one never affects what is extracted from another.
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
"""Returns the cosine of each text with a question; None without a model."""

_MAX_FINDINGS = 10
_PORTION = 4
_marker = re.compile(r"\s*\[\d{1,3}(?:\s*,\s*\d{1,3})*\]")
_bullet = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")


@dataclass(slots=True)
class Summary:
    """Findings with their quotes, and the number of sentences left out, by fault."""

    findings: list[tuple[str, tuple[Quote, ...]]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)


async def extract_findings(topic: str, passages: Sequence[ReadPassage], similarities: Similarities | None) -> Summary:
    """Extract sentences on the topic, first from each source's best passages, then from its next ones."""
    summary = Summary()
    quotes: dict[str, tuple[Quote, ...]] = {}
    for numbers in _portions(passages):
        portion = [passages[n] for n in numbers]
        candidates: list[Candidate] = collect_candidates(portion)
        near = (
            None
            if similarities is None or not candidates
            else await similarities(topic, [candidate.text for candidate in candidates])
        )
        for sentence in extract(topic, portion, candidates, near).sentences:
            quote = Quote(numbers[sentence.passage], sentence.text)
            quotes[sentence.text] = (*quotes.get(sentence.text, ()), quote)
    summary.findings = list(quotes.items())[:_MAX_FINDINGS]
    return summary


def _portions(passages: Sequence[ReadPassage]) -> list[list[int]]:
    """Group positions of passages into portions of one source, the best portions of all sources first."""
    by_source: dict[str, list[int]] = {}
    for n, passage in enumerate(passages):
        by_source.setdefault(passage.source, []).append(n)
    portions = [
        (start, numbers[start : start + _PORTION])
        for numbers in by_source.values()
        for start in range(0, len(numbers), _PORTION)
    ]
    return [numbers for _, numbers in sorted(portions, key=lambda item: item[0])]


def verify_findings(topic: str, passages: Sequence[ReadPassage], text: str) -> Summary:
    """Verify a model's text: keep the sentences that the passages they cite support."""
    summary = Summary()
    texts = [passage.text for passage in passages]
    for sentence in split_claims(text):
        claim = check_claim(_bullet.sub("", sentence), texts, topic)
        if claim.declines:
            continue
        if claim.fault is not None:
            summary.dropped[claim.fault] += 1
            continue
        summary.findings.append((_marker.sub("", claim.text).strip(), claim.quotes))
    return summary
