"""`ml-guard knowledge`: how well the sources that are set are searched with the model that is set.

The sources are read anew, into memory: what is served is neither needed nor touched.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from guard_cli.terminal import CommandError, remark, say, say_table
from guard_core.settings import Settings
from guard_store.knowledge.store import Sources, TableVersion
from ml.knowledge.embedding import ModelError, load_embedder
from ml.knowledge.reading import read_documents
from ml.knowledge.tables import chunk_table, document_table, with_vectors
from serving.assistant.knowledge.evaluation import (
    SAMPLE_QUESTIONS,
    TOP_K,
    Questions,
    QuestionsError,
    Recall,
    load_questions,
    recall_of,
)
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.query.evaluation import Asked, answers_of, halves, shares_of


class InMemory:
    """A table of chunks that is not in the lake; it has one version."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows

    def version(self) -> TableVersion:
        """The only version."""
        return TableVersion("memory", 0)

    def read(self) -> tuple[TableVersion, pa.Table]:
        """The only version and its rows."""
        return self.version(), self._rows


def evaluate(settings: Settings, questions: Path | None) -> int:
    """Print the share of questions whose source and section are found, and how many are answered and declined without a model.

    Raises
    ------
    CommandError
        Where questions, sources or model cannot be read.
    """
    try:
        asked = load_questions(questions or SAMPLE_QUESTIONS)
        rows = build(settings)
    except (QuestionsError, ModelError, OSError) as error:
        raise CommandError(str(error)) from None
    # An index in this process: a server's would be filled with what is only measured.
    local = settings.model_copy(update={"knowledge": settings.knowledge.model_copy(update={"qdrant_url": None})})
    found, answers = asyncio.run(_measure(local, rows, asked))
    say(f"{len(rows)} chunks, {found.questions} questions")
    say_table(
        ["measure", "share"],
        [
            [f"recall@{TOP_K} of the source", f"{found.source:.3f}"],
            [f"recall@{TOP_K} of the section", f"{found.section:.3f}"],
        ],
    )
    for missed in found.missed:
        remark(f"not found: {missed.question} ({missed.source}, {missed.section})")
    _say_answers(answers)
    return 0


def build(settings: Settings) -> pa.Table:
    """The chunks of the sources with vectors, as the pipelines would store them; raises ModelError and OSError."""
    sources = Sources(settings.knowledge.location)
    read = read_documents(sources.names(), sources.read)
    for skipped in read.skipped:
        remark(f"left out: {skipped.source}: {skipped.reason}")
    embedder = load_embedder(settings.knowledge.embedding_model, settings.storage.embedders)
    return with_vectors(chunk_table(document_table(read)), None, embedder).rows


def _say_answers(asked: Sequence[Asked]) -> None:
    columns = [asdict(shares_of(part)) for part in (asked, *halves(asked))]
    told = {
        "answered, of the answerable": "answered",
        "of them from the right source": "source",
        "of them with the right section": "section",
        "declined, of the unanswerable": "declined",
    }
    say("")
    say_table(
        ["extraction", "all", "1st, 3rd, …", "2nd, 4th, …"],
        [[text, *(f"{column[name]:.3f}" for column in columns)] for text, name in told.items()],
    )
    for one in asked:
        if not one.is_right:
            remark(f"{'not answered' if one.wanted else 'not declined'}: {one.question}")


async def _measure(settings: Settings, rows: pa.Table, questions: Questions) -> tuple[Recall, list[Asked]]:
    service = KnowledgeService(settings, table=InMemory(rows))
    await service.start()
    try:
        return await recall_of(questions.answerable, service.search), await answers_of(questions, service)
    finally:
        await service.stop()
