"""All models at a glance.

- `endpoints`: the route
- `schemas`: its response
- `service`: what each model has received, its verdicts, its performance, its champion and its open alerts
- `changes`: what was changed at models last
- `spend`: what calls of language models have cost this month, and the fullest budget
"""
