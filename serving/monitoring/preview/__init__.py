"""Drift days under another threshold, from the effects of stored reports.

- `alerts`: how many alerts would have opened
- `endpoints`: the route
- `schemas`: its response
- `service`: applies the threshold
"""
