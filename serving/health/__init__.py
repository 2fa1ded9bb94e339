"""Liveness and readiness, for load balancers and operators.

- `endpoints`: routes
- `schemas`: responses
- `service`: readiness check of all parts
"""
