"""Extractive answers: the sentences of retrieved passages that answer a question best, verbatim, or none.

Similarities are computed by the caller. The constants were tuned on one half of the sample questions and are evaluated on the other
(`docs/query.md`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from ml.knowledge.sentences import sentences
from ml.knowledge.stems import asks_for_number, content_stems, covered_share, has_number, names_in, stems_of

DECLINED: Final = "The sources do not answer this."
"""The text of an answer that the passages do not support."""

MIN_EVIDENCE: Final = 0.56
"""Required evidence: cosine of the best sentence or passage, plus `_COVERAGE_WEIGHT` times the covered share of the question's stems."""
MIN_COVERAGE: Final = 0.5
"""Required covered share, if there is no embedding model."""
_COVERAGE_WEIGHT = 0.2
_NAMES_ABOVE = 0.5
_MAX_PASSAGES = 3
_MAX_SENTENCES = 3
_MARGIN = 0.2
_LEXICAL_WEIGHT = 0.2
_PASSAGE_WEIGHT = 0.6
_NUMBER_WEIGHT = 0.15

Reason = Literal["answered", "no_passages", "unknown_names", "weak_evidence"]


class Passage(Protocol):
    """The part of a retrieved passage's interface that extraction uses."""

    @property
    def title(self) -> str:
        """Title of its document."""
        ...

    @property
    def section(self) -> str:
        """Path of the headings above it."""
        ...

    @property
    def text(self) -> str:
        """Its text."""
        ...

    @property
    def similarity(self) -> float | None:
        """Cosine with the question; None without an embedding model."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may answer the question.

    Attributes
    ----------
    passage : index of its passage, from 0.
    text : the sentence.
    read : the text to embed: the sentence and the one before it, which often names the subject.
    """

    passage: int
    text: str
    read: str


@dataclass(frozen=True, slots=True)
class Extract:
    """An extractive answer.

    Attributes
    ----------
    sentences : the sentences that answer, best first; empty if the passages do not answer.
    reason : why there is an answer or none.
    evidence : how well the best sentence or passage fits the question; 0 without passages.
    """

    sentences: tuple[Candidate, ...]
    reason: Reason
    evidence: float


def collect_candidates(passages: Sequence[Passage]) -> list[Candidate]:
    """Return the sentences of the best passages, whose similarity to the question `extract` needs."""
    candidates = []
    for place, passage in enumerate(passages[:_MAX_PASSAGES]):
        before = ""
        for sentence in sentences(passage.text):
            candidates.append(Candidate(place, sentence, f"{before} {sentence}".strip()))
            before = sentence
    return candidates


def extract(
    question: str, passages: Sequence[Passage], candidates: Sequence[Candidate], similarities: Sequence[float] | None
) -> Extract:
    """Choose the sentences that answer a question, or decline.

    Parameters
    ----------
    passages : retrieved passages, best first.
    candidates : from `collect_candidates(passages)`.
    similarities : (n,) cosine of the question with each candidate's `read`; None without an embedding model: words alone decide then.
    """
    if not candidates:
        return Extract((), "no_passages", 0.0)
    question_stems = content_stems(question)
    shares = [
        covered_share(question_stems, stems_of(f"{passages[candidate.passage].section} {candidate.text}"))
        for candidate in candidates
    ]
    coverage = max(shares)
    if similarities is None:
        evidence, minimum = coverage, MIN_COVERAGE
    else:
        nearest = max(*similarities, *(passage.similarity or 0.0 for passage in passages))
        evidence, minimum = nearest + _COVERAGE_WEIGHT * coverage, MIN_EVIDENCE
    passage_stems = stems_of(" ".join(f"{passage.title} {passage.section} {passage.text}" for passage in passages))
    if covered_share(names_in(question), passage_stems) <= _NAMES_ABOVE:
        return Extract((), "unknown_names", evidence)
    if evidence < minimum:
        return Extract((), "weak_evidence", evidence)
    asks_number = asks_for_number(question)
    scores = [
        _LEXICAL_WEIGHT * shares[place]
        + _NUMBER_WEIGHT * (asks_number and has_number(candidate.text))
        + _PASSAGE_WEIGHT * (passages[candidate.passage].similarity or 0.0)
        + (0.0 if similarities is None else similarities[place])
        for place, candidate in enumerate(candidates)
    ]
    best = sorted(range(len(candidates)), key=lambda place: -scores[place])
    chosen = [candidates[place] for place in best if scores[place] >= scores[best[0]] - _MARGIN]
    unique = {candidate.text: candidate for candidate in reversed(chosen)}  # neighbouring passages share a sentence
    distinct = [candidate for candidate in chosen if unique[candidate.text] is candidate]
    return Extract(tuple(distinct[:_MAX_SENTENCES]), "answered", evidence)
