"""When it runs: the Dagster code location. Thin: reads, calls one function of `ml`, writes.

What is computed belongs to `ml`, what is kept to `guard_store`. Nothing happens at import: `definitions.defs` reads the settings
when Dagster loads the code location.

- `alerts`: facts that alerts are made of
- `costs`: what each local day has cost, at AWS and in calls of language models
- `days`: the loop that every daily stage runs through, and the requests for its runs
- `definitions`: the code location that Dagster loads
- `descriptions`: owners, addresses and the lake's columns, in the definitions of assets
- `executors`: the executor that the settings name
- `jobs`: which assets run together
- `knowledge`: the knowledge base
- `monitoring`: from stored events to verdicts
- `external_assets`: external assets, which the pipelines read or serve
- `partitions`: the partitions definitions
- `resources`: settings, database and lake, opened for each run
- `resync`: history of our database into a Dagster storage that lacks it
- `retention`: what is deleted each night
- `retraining`: from drift reports to a retrain flag, and from a flag to a registered version
- `runs`: which runs are in flight
- `runtime`: everything that uses private API of Dagster
- `schedules`: what runs once a day
- `tags`: the run tags that this code location writes and reads
"""
