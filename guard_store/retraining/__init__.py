"""Retraining: from the rule's result of a day to a version in the registry.

- `alert_facts`: facts about retraining, for alerts
- `champions`: making a version the champion, by a person or by the rule
- `decisions`: decisions about model versions
- `evaluations`: results of the retrain rule by local day
- `flag`: a retrain flag as a value
- `flags`: retrain flags and their states
- `labelled_rows`: numbers of labelled rows that a training may use
- `probations`: how far the probation of a new champion is, and rollbacks by the rule
- `reasons`: reasons and objections of the retrain rule in words
- `registry`: MLflow's model registry
- `shadow`: comparisons of champion and challenger, summed by local day
- `tables`: tables of retraining
- `training_runs`: progress of trainings
"""
