"""Predictions of the champion, each recorded as an event.

- `endpoints`: routes
- `metrics`: Prometheus metrics
- `model_files`: local copies of registered models
- `pool`: loaded models by alias and version
- `recorder`: stores predictions as events, through the journal
- `schemas`: requests and responses
- `service`: selects the model, validates features, predicts
- `shadow`: compares the challenger with the champion on live traffic
"""
