"""How well extraction answers: questions that a source answers, and such that none does."""

from collections.abc import Sequence
from dataclasses import dataclass

from ml.knowledge.answers import collect_candidates
from serving.assistant.knowledge.evaluation import TOP_K, Answerable, Questions
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.query.extracting import extracted


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a question; `source` and `sections` are those of the answer, None and empty where it was declined."""

    question: str
    wanted: Answerable | None
    source: str | None
    sections: tuple[tuple[str, str], ...]

    @property
    def is_right(self) -> bool:
        """Whether it was declined where nothing answers, and answered else."""
        return (self.source is None) == (self.wanted is None)


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of questions; NaN where there are none.

    Attributes
    ----------
    answered : of those that a source answers.
    source : of the answered ones of them, those whose first sentence is of the expected source.
    section : the same, with a sentence of the expected section.
    declined : of those that no source answers.
    """

    answered: float
    source: float
    section: float
    declined: float


async def answers_of(questions: Questions, knowledge: KnowledgeService) -> list[Asked]:
    """Ask all of them."""
    known = [await _ask(wanted.question, wanted, knowledge) for wanted in questions.answerable]
    return known + [await _ask(other.question, None, knowledge) for other in questions.unanswerable]


def halves(asked: Sequence[Asked]) -> tuple[list[Asked], list[Asked]]:
    """The first, third, … of each sort, and the others."""
    known = [one for one in asked if one.wanted is not None]
    unknown = [one for one in asked if one.wanted is None]
    return known[::2] + unknown[::2], known[1::2] + unknown[1::2]


def shares_of(asked: Sequence[Asked]) -> Shares:
    """How many are right."""
    known = [one for one in asked if one.wanted is not None]
    answered = [one for one in known if one.source is not None]
    return Shares(
        answered=_share([one.is_right for one in known]),
        source=_share([one.wanted is not None and one.source == one.wanted.source for one in answered]),
        section=_share([_has_section(one) for one in answered]),
        declined=_share([one.is_right for one in asked if one.wanted is None]),
    )


async def _ask(question: str, wanted: Answerable | None, knowledge: KnowledgeService) -> Asked:
    found = await knowledge.search(question, TOP_K)
    sentences = collect_candidates(found.passages)
    said = (await extracted(knowledge, question, found.passages, sentences, found.retrieval)).sentences
    passages = [found.passages[sentence.passage] for sentence in said]
    sections = tuple((passage.source, passage.section) for passage in passages)
    return Asked(question, wanted, passages[0].source if passages else None, sections)


def _has_section(asked: Asked) -> bool:
    wanted = asked.wanted
    return wanted is not None and any(
        source == wanted.source and wanted.section in section for source, section in asked.sections
    )


def _share(right: Sequence[bool]) -> float:
    return sum(right) / len(right) if right else float("nan")
