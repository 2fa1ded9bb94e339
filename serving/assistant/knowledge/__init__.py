"""Search of the knowledge base: passages for a question.

- `endpoints`: routes
- `evaluation`: recall of the search on known questions
- `index`: Qdrant as an index of the chunks
- `model`: embedding and reranking models of the process
- `passages`: results of a search
- `service`: follows the newest table and searches it

Documents become chunks in `ml.knowledge`, and tables in `guard_store.knowledge`.
"""
