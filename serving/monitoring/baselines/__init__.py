"""Baselines over HTTP: captured and activated by analysts.

- `endpoints`: routes
- `schemas`: requests and responses
- `service`: captures, lists and activates baselines
"""
