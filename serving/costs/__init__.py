"""Costs of projects over HTTP: by local day, per thousand predictions, and forecast for the month.

- `endpoints`: routes
- `schemas`: requests and responses
- `service`: reads, forecasts and pulls costs
- `units`: costs per thousand predictions, by model
"""
