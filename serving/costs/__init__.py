"""Costs of projects over HTTP: by local day, by prediction, by the end of the month.

- `endpoints`: routes
- `schemas`: requests and responses
- `service`: reads, judges and pulls costs
- `units`: costs of a thousand predictions, by model
"""
