"""Quality of extracted answers, measured on questions that a source answers and questions that none answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from ml.knowledge.answers import collect_candidates
from serving.assistant.knowledge.evaluation import TOP_K, Answerable, Questions
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.query.extracting import extract_answer


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """The result of a question; `source` and `sections` are those of the answer, None and empty if it was declined."""

    question: str
    expected: Answerable | None
    source: str | None
    sections: tuple[tuple[str, str], ...]

    @property
    def is_right(self) -> bool:
        """Whether it was answered if a source answers it, and declined otherwise."""
        return (self.source is None) == (self.expected is None)


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of questions; NaN where there are none.

    Attributes
    ----------
    answered : of the answerable questions, those answered.
    source : of the answered answerable ones, those whose first sentence is of the expected source.
    section : of the same, those with a sentence of the expected section.
    declined : of the unanswerable questions, those declined.
    """

    answered: float
    source: float
    section: float
    declined: float


async def ask_all(questions: Questions, knowledge: KnowledgeService) -> list[QuestionResult]:
    """Extract an answer to each question."""
    answerable = [await _ask(item.question, item, knowledge) for item in questions.answerable]
    return answerable + [await _ask(item.question, None, knowledge) for item in questions.unanswerable]


def split_in_halves(results: Sequence[QuestionResult]) -> tuple[list[QuestionResult], list[QuestionResult]]:
    """Split results in two: the first, third, … of the answerable and the unanswerable ones, and the rest."""
    answerable = [result for result in results if result.expected is not None]
    unanswerable = [result for result in results if result.expected is None]
    return answerable[::2] + unanswerable[::2], answerable[1::2] + unanswerable[1::2]


def measure_shares(results: Sequence[QuestionResult]) -> Shares:
    """Measure the shares of right results."""
    answerable = [result for result in results if result.expected is not None]
    answered = [result for result in answerable if result.source is not None]
    return Shares(
        answered=_share([result.is_right for result in answerable]),
        source=_share([result.expected is not None and result.source == result.expected.source for result in answered]),
        section=_share([_has_section(result) for result in answered]),
        declined=_share([result.is_right for result in results if result.expected is None]),
    )


async def _ask(question: str, expected: Answerable | None, knowledge: KnowledgeService) -> QuestionResult:
    result = await knowledge.search(question, TOP_K)
    candidates = collect_candidates(result.passages)
    sentences = (await extract_answer(knowledge, question, result.passages, candidates, result.retrieval)).sentences
    passages = [result.passages[sentence.passage] for sentence in sentences]
    sections = tuple((passage.source, passage.section) for passage in passages)
    return QuestionResult(question, expected, passages[0].source if passages else None, sections)


def _has_section(result: QuestionResult) -> bool:
    expected = result.expected
    return expected is not None and any(
        source == expected.source and expected.section in section for source, section in result.sections
    )


def _share(right: Sequence[bool]) -> float:
    return sum(right) / len(right) if right else float("nan")
