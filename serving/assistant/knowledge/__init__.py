"""Searching the knowledge base: passages for a question. Documents become chunks in `ml.knowledge`, kept by `guard_store`."""
