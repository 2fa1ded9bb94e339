"""`ml-guard knowledge`: evaluate search and answers on the configured sources with the configured embedding model.

The sources are read into memory; the knowledge base of a running server is neither used nor changed.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from guard_cli.terminal import (
    FILE,
    CommandError,
    example,
    json_option,
    print_answer,
    print_json,
    print_note,
    print_table,
)
from guard_core.settings import Settings, load_settings

if TYPE_CHECKING:  # help must not wait for the server's modules
    import pyarrow as pa

    from guard_store.knowledge.store import TableVersion
    from serving.assistant.knowledge.evaluation import Questions, Recall
    from serving.assistant.knowledge.service import KnowledgeService
    from serving.assistant.query.evaluation import QuestionResult

T = TypeVar("T")

# Labels of the table's rows, by measure.
_MEASURES = {
    "answered": "answered, of the answerable",
    "source": "of them from the right source",
    "section": "of them with the right section",
    "declined": "declined, of the unanswerable",
}


@click.group()
def knowledge() -> None:
    """Evaluate the knowledge base."""


@knowledge.command("evaluate", epilog=example("ml-guard knowledge evaluate --questions questions.yaml --json"))
@click.option("--questions", type=FILE, metavar="FILE", help="YAML; default: the questions of the sample corpus.")
@json_option
def evaluate(questions: Path | None, *, as_json: bool) -> None:
    """Ask questions with known answers.

    Prints the share of questions whose source and section are found, and how many are answered and declined without a
    language model.
    """
    from serving.assistant.knowledge.evaluation import SAMPLE_QUESTIONS, load_questions

    settings = load_settings()
    expected, chunks = read_evaluation(questions or SAMPLE_QUESTIONS, load_questions, settings)
    recall, answers = asyncio.run(_measure(settings, chunks, expected))
    if as_json:
        _print_as_json(len(chunks), recall, answers)
    else:
        _print_recall(len(chunks), recall)
        _print_answers(answers)


class InMemory:
    """A table of chunks in memory with a single version, in place of the table in the lake."""

    def __init__(self, rows: "pa.Table") -> None:
        self._rows = rows

    def version(self) -> "TableVersion":
        """Return the only version."""
        from guard_store.knowledge.store import TableVersion

        return TableVersion("memory", 0)

    def read(self) -> "tuple[TableVersion, pa.Table]":
        """Return the only version and its rows."""
        return self.version(), self._rows


def read_evaluation(path: Path, load: Callable[[Path], T], settings: Settings) -> "tuple[T, pa.Table]":
    """Read what an evaluation asks and expects, and the chunks of the sources with their vectors.

    Raises
    ------
    CommandError
        If the file is invalid, the embedding model cannot be loaded or the sources cannot be read.
    """
    from ml.knowledge.embedding import ModelError
    from serving.assistant.knowledge.evaluation import EvaluationFileError

    try:
        return load(path), embedded_chunks(settings)
    except (EvaluationFileError, ModelError, OSError) as error:
        raise CommandError(str(error)) from None


def embedded_chunks(settings: Settings) -> "pa.Table":
    """Return the chunks of the sources with their vectors, as the pipelines would store them.

    Raises
    ------
    ModelError
        If the embedding model cannot be loaded.
    OSError
        If the sources cannot be read.
    """
    from guard_store.knowledge.store import Sources
    from ml.knowledge.embedding import load_embedder
    from ml.knowledge.reading import read_documents
    from ml.knowledge.tables import chunk_table, document_table, embed_chunks

    sources = Sources(settings.knowledge.location)
    documents = read_documents(sources.names(), sources.read)
    for document in documents.skipped:
        print_note(f"left out: {document.source}: {document.reason}")
    embedder = load_embedder(settings.knowledge.embedding_model, settings.storage.embedders)
    return embed_chunks(chunk_table(document_table(documents)), None, embedder).rows


@asynccontextmanager
async def knowledge_in_memory(settings: Settings, rows: "pa.Table") -> AsyncIterator["KnowledgeService"]:
    """Run a knowledge base of these rows with an index in this process: an evaluation must not write to that of a server."""
    from serving.assistant.knowledge.service import KnowledgeService

    local = settings.knowledge.model_copy(update={"qdrant_url": None})
    service = KnowledgeService(settings.model_copy(update={"knowledge": local}), table=InMemory(rows))
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def _measure(
    settings: Settings, rows: "pa.Table", questions: "Questions"
) -> "tuple[Recall, list[QuestionResult]]":
    from serving.assistant.knowledge.evaluation import measure_recall
    from serving.assistant.query.evaluation import ask_all

    async with knowledge_in_memory(settings, rows) as service:
        return await measure_recall(questions.answerable, service.search), await ask_all(questions, service)


def _print_recall(chunks: int, recall: "Recall") -> None:
    from serving.assistant.knowledge.evaluation import TOP_K

    print_answer(f"{chunks} chunks, {recall.questions} questions")
    print_table(
        ["measure", "share"],
        [
            [f"recall@{TOP_K} of the source", f"{recall.source:.3f}"],
            [f"recall@{TOP_K} of the section", f"{recall.section:.3f}"],
        ],
    )
    for question in recall.missed:
        print_note(f"not found: {question.question} ({question.source}, {question.section})")


def _print_answers(answers: "Sequence[QuestionResult]") -> None:
    columns = _answer_shares(answers).values()
    print_answer("")
    print_table(
        ["extraction", "all", "1st, 3rd, …", "2nd, 4th, …"],
        [[title, *(f"{column[name]:.3f}" for column in columns)] for name, title in _MEASURES.items()],
    )
    for answer in answers:
        if not answer.is_right:
            print_note(f"{'not answered' if answer.expected else 'not declined'}: {answer.question}")


def _print_as_json(chunks: int, recall: "Recall", answers: "Sequence[QuestionResult]") -> None:
    from serving.assistant.knowledge.evaluation import TOP_K

    extraction = {
        part: {name: None if math.isnan(share) else share for name, share in shares.items()}  # NaN: no questions
        for part, shares in _answer_shares(answers).items()
    }
    wrong = [answer for answer in answers if not answer.is_right]
    print_json(
        {
            "chunks": chunks,
            "questions": recall.questions,
            "top_k": TOP_K,
            "recall": {"source": recall.source, "section": recall.section},
            "not_found": [question.model_dump() for question in recall.missed],
            "extraction": extraction,
            "not_answered": [answer.question for answer in wrong if answer.expected],
            "not_declined": [answer.question for answer in wrong if not answer.expected],
        }
    )


def _answer_shares(answers: "Sequence[QuestionResult]") -> dict[str, dict[str, Any]]:
    from serving.assistant.query.evaluation import measure_shares, split_in_halves

    odd, even = split_in_halves(answers)
    return {name: asdict(measure_shares(part)) for name, part in (("all", answers), ("odd", odd), ("even", even))}
