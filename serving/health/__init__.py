"""Liveness, readiness and status, for load balancers, operators and people.

- `database`: whether the database answers and has the schema of this version
- `endpoints`: routes of liveness and readiness
- `metrics`: Prometheus metrics
- `schemas`: their responses
- `service`: readiness check of all parts
- `silence`: when a daemon counts as silent
- `status`: what waits, what has failed, and how much room is left
- `timed_call`: limits the time that callers wait for a call that may hang
"""
