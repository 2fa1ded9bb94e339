"""`/predict`: predictions of the champion, each recorded as an event.

- `endpoints`: routes
- `explain`: contributions of features to one prediction
- `metrics`: Prometheus metrics
- `model_files`: local copies of registered models
- `pool`: loaded models by alias and version
- `recorder`: predictions as events, through the journal
- `schemas`: requests and responses
- `service`: from a request to a prediction
- `shadow`: the challenger on live traffic
"""
