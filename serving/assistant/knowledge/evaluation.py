"""Recall of the search: questions with the source and section that answer them, and the share that it finds."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from guard_core.validation import reason_of
from serving.assistant.knowledge.passages import SearchResult

TOP_K = 5
SAMPLE_QUESTIONS = Path(__file__).parents[3] / "ml" / "data" / "knowledge" / "questions.yaml"

M = TypeVar("M", bound=BaseModel)
Search = Callable[[str, int], Awaitable[SearchResult]]


class EvaluationFileError(ValueError):
    """A file of questions or topics is invalid; the message names the field."""


class Answerable(BaseModel):
    """A question that a source answers; `section` is a part of the path of its section."""

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
    """Read a file of questions; raises as `load_evaluation_file`."""
    return load_evaluation_file(path, Questions)


def load_evaluation_file(path: Path, schema: type[M]) -> M:
    """Read a YAML file of what an evaluation asks and expects.

    Raises
    ------
    EvaluationFileError
        If it cannot be read, or is invalid.
    """
    try:
        return schema.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise EvaluationFileError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise EvaluationFileError(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise EvaluationFileError(f"{path}: {field}: {reason_of(first)}") from error


async def measure_recall(questions: Sequence[Answerable], search: Search, top_k: int = TOP_K) -> Recall:
    """Search for each question, and look for its source and section among the first passages."""
    sources, sections, missed = 0, 0, []
    for expected in questions:
        result = await search(expected.question, top_k)
        of_source = [passage for passage in result.passages if passage.source == expected.source]
        has_section = any(expected.section in passage.section for passage in of_source)
        sources += bool(of_source)
        sections += has_section
        missed += [] if has_section else [expected]
    count = max(len(questions), 1)
    return Recall(len(questions), sources / count, sections / count, missed)
