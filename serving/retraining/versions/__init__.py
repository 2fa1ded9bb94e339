"""Versions of registered models over HTTP: compared, promoted, rejected, rolled back.

- `endpoints`: routes
- `schemas`: requests and responses
- `service`: versions, and decisions by people about them
"""
