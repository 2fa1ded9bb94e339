"""Evaluated answers: sampled answers of language models as events, and users' feedback as the labels of those events.

- `answers`: what is known of an answer, and its event; never its text
- `endpoints`: the route of feedback
- `feedback`: checks feedback and stores it as a label
- `metrics`: Prometheus metrics
- `refusals`: the rules that recognise a refusal
- `schemas`: the request and response about feedback
- `service`: chooses calls, and stores their events in the background

Decision 0040 records the choices. Drift, performance and alerts treat these events as any others.
"""
