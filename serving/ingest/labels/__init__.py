"""Labels over HTTP: true outcomes of events, observed later than the predictions.

- `endpoints`: routes
- `metrics`: Prometheus metrics
- `schemas`: the contract of a label
- `service`: from validated labels to durable rows
"""
