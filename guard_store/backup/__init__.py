"""Backups: one file with everything that an installation keeps, and its restoration on either engine.

- `archive`: the file, its manifest and its verification
- `create`: writes a backup while everything runs
- `encryption`: secrets under a passphrase
- `lake_files`: the files of one version of each table of the lake
- `manifest`: what a backup consists of
- `mlflow_store`: a copy of MLflow's database, and the places of its artifacts
- `restore`: restores a backup into an empty home folder and an empty database
- `rows`: rows of all tables as Parquet, in one snapshot, for both engines
"""
