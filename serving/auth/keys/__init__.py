"""API keys over HTTP: created, listed and revoked by admins.

- `endpoints`: routes
- `schemas`: requests and responses
- `service`: API keys
"""
