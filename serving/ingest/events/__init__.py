"""Events over HTTP: validated against the contract, and acknowledged once they are durable.

- `endpoints`: routes
- `metrics`: Prometheus metrics
- `schemas`: the contract of an event
- `service`: checks events against their projects, and stores them
"""
