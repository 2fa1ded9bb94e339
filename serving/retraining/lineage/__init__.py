"""Lineage over HTTP: from a prediction back to its data, flag and drift report.

- `endpoints`: routes
- `schemas`: responses
- `service`: follows ids from each part to the one before it
"""
