"""Retraining over HTTP.

- `flags`: recommendations of the retrain rule, and retrain flags
- `lineage`: what a prediction, a version or a run was made from
- `versions`: registered versions of models
"""
