"""Prometheus metrics: those that the domains count in their processes, and gauges of stored results.

- `endpoints`: the route
- `exposition`: the metrics of all workers as text
- `families`: names, labels and descriptions of the gauges of stored results
- `results`: reads the gauges of stored results from the database
"""
