"""Questions about the knowledge base, answered with citations that are checked against their sources.

- `answer_builder`: builds the text of an answer and its citations
- `endpoints`: routes
- `evaluation`: quality of extracted answers
- `extracting`: an answer from sentences of the sources
- `metrics`: Prometheus metrics
- `schemas`: requests and responses
- `service`: a question from its policy check to its settled answer
"""
