"""What is deleted each night.

- `assets`: sweeps of what is older than the settings allow, and the vacuum of the lake
- `run_history`: which of Dagster's runs are deleted
"""
