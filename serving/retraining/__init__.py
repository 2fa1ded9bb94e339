"""Retraining over HTTP.

- `flags`: recommendations and retrain flags
- `lineage`: where a prediction, a version or a run comes from
- `versions`: versions of the registry
"""
