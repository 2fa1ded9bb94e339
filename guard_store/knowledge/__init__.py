"""The knowledge base: its tables in the lake and its source files.

- `store`: documents, chunks and vectors as Delta tables, and the files of the sources
"""
