"""Versions of registered models over HTTP: compared, promoted, rejected, rolled back.

- `endpoints`: routes
- `schemas`: requests and responses
- `service`: versions, and decisions of people about them
"""
