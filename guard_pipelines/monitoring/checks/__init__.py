"""Asset checks on the days of a run. They read and report, and write nothing.

- `data`: volume, unseen features, kinds and nulls
- `failed_partitions`: results on the partitions of failed days, which sensors report
- `history`: the stored metrics that checks compare
- `lake`: the lake holds as many rows as the database
- `odd_days`: findings on the data of a run's days, by check
- `progress`: failed days, overdue days, drift
- `rules`: when a day's metrics are out of the ordinary for its model
- `unfinished`: the findings of `progress`
- `worst_columns`: the table of the columns that have changed most
"""
