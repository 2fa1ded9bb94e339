"""Findings of the content policies in the requests on the ledger.

- `endpoints`: the route
- `schemas`: its response
- `service`: requests with findings by local day, rule and model
"""
