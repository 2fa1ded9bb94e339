"""An answer by extraction from a running knowledge base; `ml.knowledge.answers` selects the sentences."""

from collections.abc import Sequence

from ml.knowledge.answers import Candidate, Extract, extract
from serving.assistant.knowledge.passages import Passage, Retrieval
from serving.assistant.knowledge.service import KnowledgeService


async def extract_answer(
    knowledge: KnowledgeService,
    question: str,
    passages: Sequence[Passage],
    sentences: Sequence[Candidate],
    retrieval: Retrieval,
) -> Extract:
    """Extract the sentences that answer a question from the candidates of its passages; by words alone if the search was."""
    reads = [sentence.read for sentence in sentences]
    near = await knowledge.similarities(question, reads) if reads and retrieval == "hybrid" else None
    return extract(question, passages, sentences, near)
