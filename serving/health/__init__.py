"""Liveness, readiness and status, for load balancers and operators.

- `endpoints`: routes
- `schemas`: answers about the server's health
- `service`: checks of what must work before requests are taken
"""
