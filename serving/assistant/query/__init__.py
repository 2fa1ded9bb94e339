"""Questions about the knowledge base, answered with citations that are checked against their sources.

- `endpoints`: routes
- `evaluation`: quality of extracted answers
- `extracting`: an answer from sentences of the sources
- `metrics`: Prometheus metrics
- `schemas`: requests and responses
- `service`: a question from its policy check to its settled answer
- `writing`: builds an answer and checks its claims
"""
