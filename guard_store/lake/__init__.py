"""The Delta lake: one table per (project, model), partitioned by local day."""
