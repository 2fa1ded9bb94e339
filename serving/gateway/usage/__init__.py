"""Usage of language models, and budgets of keys and projects, over HTTP.

- `endpoints`: routes
- `schemas`: requests and responses
- `service`: usage summed by group, and budgets with their present status
"""
