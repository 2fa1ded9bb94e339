"""The knowledge base: documents, chunks, embeddings.

- `assets`: the three tables
- `checks`: whether every file can be read
- `sensors`: requests a build after sources or settings have changed
- `stage`: the work of the assets and checks
"""
