"""The knowledge base: location of the documents, embedding and reranking models, index."""

from pathlib import Path

from pydantic import Field, SecretStr

from guard_core.settings.group import Group, Url

_SAMPLE_KNOWLEDGE = Path(__file__).parents[2] / "ml" / "data" / "knowledge" / "corpus"


class KnowledgeSettings(Group):
    """Group `knowledge` of the settings."""

    title = "Knowledge base"
    prefix = "KNOWLEDGE_"

    url: str | None = Field(
        None,
        description="Documents of the knowledge base, a folder or `s3://bucket/prefix`. Unset: the sample corpus.",
    )
    embedding_model: str = Field(
        "packaged",
        description="Embedding model: `packaged`, `none` (lexical search only), or the name of a model"
        " that fastembed downloads from its hub.",
    )
    reranker: str | None = Field(
        None,
        description="Cross-encoder that reranks the passages: the name of a model that fastembed downloads from its hub."
        " Unset: none.",
    )
    qdrant_url: Url | None = Field(
        None, description="Qdrant server that indexes the knowledge base. Unset: an index in each server process."
    )
    qdrant_api_key: SecretStr | None = Field(None, description="Key of that server.")

    @property
    def location(self) -> str:
        """Location of the documents: an absolute folder or an object store URL."""
        root = self.url or str(_SAMPLE_KNOWLEDGE)
        return root if "://" in root else str(Path(root).resolve())
