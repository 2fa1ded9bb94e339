"""Labels over HTTP: the true outcomes of events, observed after the predictions.

- `endpoints`: routes
- `metrics`: Prometheus metrics
- `schemas`: the contract of a label
- `service`: checks labels against their projects, and stores them
"""
