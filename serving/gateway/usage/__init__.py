"""Usage of language models, and budgets of keys and projects, over HTTP.

- `endpoints`: routes
- `schemas`: requests and responses
"""
