"""Assets: documents, their chunks, and the chunks with vectors that questions are answered from."""

import dagster as dg

from guard_pipelines.external_assets import knowledge_sources
from guard_pipelines.resources import Guard


@dg.asset(group_name="knowledge", kinds={"deltalake"}, deps=[knowledge_sources])
def documents(guard: Guard) -> dg.MaterializeResult[None]:
    """Files of ML_GUARD_KNOWLEDGE_URL as text with sections and pages; files that cannot be read are left out and listed."""
    from guard_pipelines.knowledge.stage import skipped_files, store_documents

    numbers = store_documents(guard.knowledge, guard.settings)
    skipped = dg.MetadataValue.md(skipped_files(guard.knowledge))
    return dg.MaterializeResult(metadata={**numbers, "skipped_files": skipped})


@dg.asset(group_name="knowledge", kinds={"deltalake"}, deps=[documents])
def chunks(guard: Guard) -> dg.MaterializeResult[None]:
    """Pieces of the documents, each within one section and page."""
    from guard_pipelines.knowledge.stage import store_chunks

    return dg.MaterializeResult(metadata=store_chunks(guard.knowledge))


@dg.asset(group_name="knowledge", kinds={"deltalake", "onnx"}, deps=[chunks])
def embeddings(guard: Guard) -> dg.MaterializeResult[None]:
    """The chunks with their vectors; chunks that the same model has embedded before are not embedded again."""
    from guard_pipelines.knowledge.stage import store_embeddings

    return dg.MaterializeResult(metadata=store_embeddings(guard.knowledge, guard.settings))
