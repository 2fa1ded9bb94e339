"""The work of each asset, for all projects and models of a run's days; one failure stops no other.

Nothing here knows Dagster.
"""
