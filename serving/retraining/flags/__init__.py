"""Retrain recommendations and flags over HTTP: forced and acknowledged by admins.

- `endpoints`: routes
- `schemas`: requests and responses
- `service`: lists, forces and acknowledges flags
"""
