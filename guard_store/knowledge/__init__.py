"""The knowledge base.

- `store`: documents, chunks and vectors as Delta tables, and the files of its sources
"""
