"""When it runs: the Dagster code location. Thin: reads, calls one function of `ml`, writes.

What is computed belongs to `ml`, what is kept to `guard_store`. Nothing happens at import: `definitions.defs` reads the settings
when Dagster loads the code location.

- `definitions`: the code location
- `jobs`, `schedules`, `partitions`, `tags`: which assets run together, when, for which days and models, and how runs are tagged
- `resources`: settings, database and lake, opened for each run
- `runs`: which runs are in flight
- `runtime`: everything that uses private API of Dagster
- `days`: the loop that every daily stage runs through, and the requests for its runs
- `monitoring`, `retraining`, `alerts`, `costs`, `knowledge`, `retention`: assets, checks, sensors and stages of each domain
"""
