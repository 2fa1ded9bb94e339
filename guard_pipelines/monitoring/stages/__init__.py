"""The work of the daily assets, for all projects and models of a run's days. Nothing here imports Dagster.

- `lake`: events into the lake
- `lake_columns`: columns of one day of the lake
- `lake_counts`: rows of the lake beside rows of the database
- `profile`: the lake's days into profiles and metrics
- `drift`: profiles and baseline into drift reports
- `judged_slices`: the slices that are judged beside the whole
- `trailing_days`: profiles of the days of a window
- `performance`: predictions and labels into performance
"""
