"""All models at a glance.

- `endpoints`: the route
- `schemas`: its response
- `service`: what each model has received, its verdicts, its performance, its champion and its open alerts
"""
