"""Tests of documents, chunks and embeddings."""
