"""Events over HTTP: validated against the contract, acknowledged once durable.

- `endpoints`: routes
- `metrics`: Prometheus metrics
- `schemas`: the contract of an event
- `service`: from validated events to durable rows
"""
