"""From files to passages with vectors: documents, chunks, embeddings. Keeping them is `guard_store.knowledge.store`."""
