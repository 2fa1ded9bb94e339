"""From drift reports to a retrain flag, and from a flag to a registered version.

- `assets`: the retrain rule, and the steps of a training
- `flag_requests`: run requests for active flags
- `heartbeat`: log lines of long steps
- `model_partitions`: partitions of models that do not exist any more
- `new_baseline`: the baseline of a new champion
- `probation`: the comparison of a new champion with the old one, and the rollback
- `sensors`: requests a training for each active retrain flag
- `stage`: the retrain rule on the days of a run
- `training`: the four steps of a training
- `training_data`: which rows of the lake a training uses
- `training_facts`: the facts of a training on its cards, and as tags of its MLflow run
- `training_metadata`: metadata of a training on Dagster's pages
"""
