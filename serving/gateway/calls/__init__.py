"""One paid call: its budget, its content policy, its usage, its spans and metrics.

- `answer_cache`: answers that are repeated without a call
- `call`: one call, from its reservation to its settlement
- `gateway`: reserves calls, and settles those of dead processes
- `metrics`: Prometheus metrics
- `policy_session`: the content policy on one request
- `report`: headers about a call
- `spans`: OpenTelemetry spans
- `tokens`: reported and estimated tokens
"""
