"""Serving, Dagster and MLflow's pages on one machine, started and stopped together.

- `dagster_health`: health of Dagster over HTTP
- `logs`: sets large logs aside
- `processes`: starts, identifies and stops a process group
- `purge`: deletes the data of an installation
- `stack`: processes of the stack and their health
- `up`: commands `up` and `down`
- `watching`: starts again what has ended
"""
