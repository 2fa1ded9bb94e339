"""Kinds of columns over HTTP: learned by the pipelines, corrected by analysts.

- `endpoints`: routes
- `schemas`: requests and responses
- `service`: lists, sets and forgets the kinds of a model's columns
"""
