"""Everything that uses private API of Dagster, each with a test that fails if a new version changes it.

- `check_partitions`: results of a check by partition
- `compressed_events`: events of Dagster's log on SQLite, compressed
- `event_log`: Dagster's SQLite event log with batches
- `partial_ranges`: materialisations of some partitions of a run
- `preloaded`: imports of the process that runs are forked from
- `run_history`: deletion of runs without their newest materialisations
- `runless_events`: materialisations that belong to no run, in batches
- `warm_runs`: runs as forks of that process
"""
