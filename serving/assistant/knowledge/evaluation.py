"""How well the knowledge base is searched: questions with the source and section that answer them, and the share found."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from guard_core.validation import reason_of
from serving.assistant.knowledge.passages import SearchResult

TOP_K = 5
SAMPLE_QUESTIONS = Path(__file__).parents[3] / "ml" / "data" / "knowledge" / "questions.yaml"

Search = Callable[[str, int], Awaitable[SearchResult]]


class QuestionsError(ValueError):
    """The file of questions is wrong; the message says where."""


class Answerable(BaseModel):
    """A question that a source answers; `section` is a part of the section's path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str
    source: str
    section: str = ""


class Unanswerable(BaseModel):
    """A question that no source answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str


class Questions(BaseModel):
    """A file of questions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answerable: tuple[Answerable, ...]
    unanswerable: tuple[Unanswerable, ...] = ()


@dataclass(frozen=True, slots=True)
class Recall:
    """Shares of questions with the right source, and the right section of it, among the first passages."""

    questions: int
    source: float
    section: float
    missed: Sequence[Answerable]


def load_questions(path: Path) -> Questions:
    """Read a file of questions.

    Raises
    ------
    QuestionsError
        Where it is not there or not in order.
    """
    try:
        return Questions.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise QuestionsError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise QuestionsError(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise QuestionsError(f"{path}: {field}: {reason_of(first)}") from error


async def recall_of(questions: Sequence[Answerable], search: Search, top_k: int = TOP_K) -> Recall:
    """Ask each question, and look for its source and section among the first passages."""
    sources, sections, missed = 0, 0, []
    for wanted in questions:
        found = await search(wanted.question, top_k)
        of_source = [passage for passage in found.passages if passage.source == wanted.source]
        has_section = any(wanted.section in passage.section for passage in of_source)
        sources += bool(of_source)
        sections += has_section
        missed += [] if has_section else [wanted]
    asked = max(len(questions), 1)
    return Recall(len(questions), sources / asked, sections / asked, missed)
