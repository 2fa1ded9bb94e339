"""Usage of language models, and budgets of keys and projects, over HTTP.

- `days`: ranges of local days
- `endpoints`: routes
- `schemas`: requests and responses
- `service`: usage summed by group, and budgets with their present status
"""
