"""Drift days under another threshold, from the effects of stored reports.

- `endpoints`: the route
- `schemas`: its response
- `service`: applies the threshold
"""
