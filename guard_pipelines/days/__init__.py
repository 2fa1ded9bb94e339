"""The one loop that every daily stage runs through, and the requests for its runs.

- `loop`: the loop, and the outcome of a stage
- `assets`: decorators that make partitioned assets of stages
- `findings`: findings of checks as Dagster's results
- `sensors`, `requests`, `ranges`: which days are requested, and in how few runs
- `polling`: several polls within one tick of a sensor
"""
