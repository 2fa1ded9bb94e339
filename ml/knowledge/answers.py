"""Answers by extraction: the sentences of retrieved passages that answer a question best, verbatim, or none at all.

Pure: similarities come from whoever has a model. Constants were chosen on one half of the sample questions and are reported on the
other (`docs/query.md`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from ml.knowledge.sentences import sentences
from ml.knowledge.wording import asks_for_number, content_stems, covered_share, has_number, names_in, stems_of

DECLINED: Final = "The sources do not answer this."
"""What is said instead of an answer."""

EVIDENCE_LEAST: Final = 0.56
"""Cosine of the best sentence or passage, plus `_COVERAGE_WEIGHT` times the covered share of the question's words."""
COVERAGE_LEAST: Final = 0.5
"""The covered share alone, where there is no model of similarity."""
_COVERAGE_WEIGHT = 0.2
_NAMES_MORE_THAN = 0.5
_PASSAGES_MOST = 3
_SENTENCES_MOST = 3
_MARGIN = 0.2
_LEXICAL_WEIGHT = 0.2
_PASSAGE_WEIGHT = 0.6
_NUMBER_WEIGHT = 0.15

Reason = Literal["answered", "no_passages", "unknown_names", "weak_evidence"]


class Readable(Protocol):
    """A retrieved passage, as far as it is read here."""

    @property
    def title(self) -> str:
        """Of its document."""
        ...

    @property
    def section(self) -> str:
        """The headings above it."""
        ...

    @property
    def text(self) -> str:
        """What it says."""
        ...

    @property
    def similarity(self) -> float | None:
        """Its cosine with the question; None where no model is at hand."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may answer.

    Attributes
    ----------
    passage : place of its passage, from 0.
    read : what its similarity is wanted of: with the sentence before it, which often names what it speaks of.
    """

    passage: int
    text: str
    read: str


@dataclass(frozen=True, slots=True)
class Extract:
    """Sentences that answer, best first, and why; none where the passages do not answer.

    Attributes
    ----------
    evidence : how well the best of the passages fits the question; 0 without passages.
    """

    sentences: tuple[Candidate, ...]
    reason: Reason
    evidence: float


def candidates(passages: Sequence[Readable]) -> list[Candidate]:
    """The sentences whose similarity to the question is wanted: those of the best passages."""
    found = []
    for place, passage in enumerate(passages[:_PASSAGES_MOST]):
        before = ""
        for sentence in sentences(passage.text):
            found.append(Candidate(place, sentence, f"{before} {sentence}".strip()))
            before = sentence
    return found


def extract(
    question: str, passages: Sequence[Readable], found: Sequence[Candidate], similarities: Sequence[float] | None
) -> Extract:
    """Choose the sentences that answer a question, or decline.

    Parameters
    ----------
    passages : best first.
    found : `candidates(passages)`.
    similarities : cosine of the question with what each candidate is `read` as; None where no model is at hand: words decide alone then.
    """
    if not found:
        return Extract((), "no_passages", 0.0)
    wanted = content_stems(question)
    shares = [
        covered_share(wanted, stems_of(f"{passages[candidate.passage].section} {candidate.text}"))
        for candidate in found
    ]
    coverage = max(shares)
    if similarities is None:
        evidence, least = coverage, COVERAGE_LEAST
    else:
        nearest = max(*similarities, *(passage.similarity or 0.0 for passage in passages))
        evidence, least = nearest + _COVERAGE_WEIGHT * coverage, EVIDENCE_LEAST
    read = stems_of(" ".join(f"{passage.title} {passage.section} {passage.text}" for passage in passages))
    if covered_share(names_in(question), read) <= _NAMES_MORE_THAN:
        return Extract((), "unknown_names", evidence)
    if evidence < least:
        return Extract((), "weak_evidence", evidence)
    asks_number = asks_for_number(question)
    scores = [
        _LEXICAL_WEIGHT * shares[place]
        + _NUMBER_WEIGHT * (asks_number and has_number(candidate.text))
        + _PASSAGE_WEIGHT * (passages[candidate.passage].similarity or 0.0)
        + (0.0 if similarities is None else similarities[place])
        for place, candidate in enumerate(found)
    ]
    best = sorted(range(len(found)), key=lambda place: -scores[place])
    chosen = [found[place] for place in best if scores[place] >= scores[best[0]] - _MARGIN]
    unique = {candidate.text: candidate for candidate in reversed(chosen)}  # neighbouring passages share a sentence
    kept = [candidate for candidate in chosen if unique[candidate.text] is candidate]
    return Extract(tuple(kept[:_SENTENCES_MOST]), "answered", evidence)
