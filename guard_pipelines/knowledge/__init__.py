"""The knowledge base: documents, chunks, embeddings."""
