"""Assets: documents, their chunks, and the chunks with vectors that questions are answered from."""

import dagster as dg

from guard_pipelines.resources import Guard


@dg.asset(group_name="knowledge", kinds={"deltalake"})
def documents(guard: Guard) -> dg.MaterializeResult[None]:
    """Files of ML_GUARD_KNOWLEDGE_URL as text with sections and pages; what cannot be read is left out and named."""
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
    """The chunks with their vectors; those that were embedded before by the same model are not embedded again."""
    from guard_pipelines.knowledge.stage import store_embeddings

    return dg.MaterializeResult(metadata=store_embeddings(guard.knowledge, guard.settings))
