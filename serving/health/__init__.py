"""Liveness, readiness and status, for load balancers and operators.

- `endpoints`: routes
- `service`: checks of what must work before requests are taken
"""
