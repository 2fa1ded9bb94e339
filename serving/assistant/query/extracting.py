"""An answer by extraction over a running knowledge base; which sentences answer is `ml.knowledge.answers`."""

from collections.abc import Sequence

from ml.knowledge.answers import Candidate, Extract, extract
from serving.assistant.knowledge.passages import Passage, Retrieval
from serving.assistant.knowledge.service import KnowledgeService


async def extracted(
    knowledge: KnowledgeService,
    question: str,
    passages: Sequence[Passage],
    sentences: Sequence[Candidate],
    retrieval: Retrieval,
) -> Extract:
    """The sentences that answer a question, from the candidates of its passages; by words alone where they were found so."""
    reads = [sentence.read for sentence in sentences]
    near = await knowledge.similarities(question, reads) if reads and retrieval == "hybrid" else None
    return extract(question, passages, sentences, near)
