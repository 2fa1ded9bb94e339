"""Kinds of features over HTTP: learned by the pipelines, corrected by analysts.

- `endpoints`: routes
- `schemas`: requests and responses
- `service`: kinds of a model's columns
"""
