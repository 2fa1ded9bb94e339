"""Deletion of what is older than the settings allow.

- `alerts`: alerts, their messages and facts
- `sweeps`: the ledger, bodies, events, the lake, records of research
"""
