"""From drift reports to a retrain flag, and from a flag to a registered version.

- `assets`: the retrain rule, and the steps of a training
- `sensors`, `flag_requests`: the training runs of active flags
- `stage`: the retrain rule on the days of a run
- `training`: the four steps of a training
- `training_data`, `training_facts`: its rows, and the facts of its cards and tags
- `new_baseline`: the baseline of a new champion
- `heartbeat`: log lines of long steps
"""
