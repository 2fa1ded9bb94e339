"""Retrain recommendations and flags over HTTP: forced and acknowledged by admins.

- `endpoints`: routes
- `schemas`: requests and responses
- `service`: forces and acknowledges flags
"""
