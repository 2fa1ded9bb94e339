"""The one loop that every daily stage runs through, and the requests for its runs.

- `assets`: decorators that make partitioned assets of stages
- `findings`: findings of checks as Dagster's results
- `loop`: the loop, and the outcome of a stage
- `numbers`: a day in numbers, over all of its models
- `partition_states`: which partitions of a run a stage has evaluated, and the state of the others
- `polling`: several polls within one tick of a sensor
- `ranges`: unprocessed days as few ranges
- `requests`: run requests for the days that are due
- `sensors`: requests runs of the closed local days that have unprocessed rows
"""
