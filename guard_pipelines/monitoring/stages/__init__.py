"""The work of the daily assets, for all projects and models of a run's days. Nothing here knows Dagster."""
