"""Text of documents: reading, splitting, embedding, comparing, and answers that cite it.

Storing and searching passages do not belong here; they are in `guard_store.knowledge` and `serving.assistant.knowledge`.

`documents`: files as documents, each by the reader of its format.
`blocks`: blocks of text below headings.
`html_reader`: HTML as blocks.
`markdown_reader`: Markdown as blocks.
`pdf_reader`: PDF as blocks.
`text_reader`: plain text as blocks.
`lines`: wrapped lines as paragraphs and list items.
`normalization`: the form of text in which documents are indexed and questions are compared with them.
`reading`: many files at once, with those that were skipped.
`sentences`: sentence boundaries.
`chunks`: documents split into passages.
`embedding`: dense vectors of texts.
`sparse_vectors`: sparse BM25 vectors of texts.
`reranking`: scores of a cross-encoder.
`tables`: Arrow tables of documents, chunks and embeddings.
`stems`: stems, names and numbers of questions and passages.
`answers`: extractive answers.
`claims`: sentences of a model checked against the passages that they cite.
`quotes`: verbatim quotes.
"""
