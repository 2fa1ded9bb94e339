"""The Delta lake: one table per (project, model), partitioned by local day.

- `files`: file systems of the lake, local or S3
- `names`: column names that differ by more than letter case or Unicode form
- `regular_json`: a fast reader for feature JSON with the same keys in every row
- `rows`: stored events and labels as rows of the lake
- `store`: tables, snapshots and commits
- `vacuum`: deletes files that no version needs any more
- `values`: feature JSON and predictions as typed columns
"""
