"""Asset checks on the days of a run. They read and report, and write nothing.

- `lake`: the lake holds as many rows as the database
- `data`: volume, unseen features, kinds and nulls
- `progress`: failed days, overdue days, drift
- `history`, `rules`, `odd_days`: stored metrics, when a day is out of the ordinary, and the findings of `data`
- `unfinished`: the findings of `progress`
"""
