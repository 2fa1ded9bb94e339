"""Events, labels and rejected rows: stored by a step of the writer, and read.

- `tables`: tables of events, labels and rejections
- `rows`: rows of events and labels, and the works that store those of one request
- `step`: stores the rows of a group in the writer's transaction
- `day_counts`: what a group of rows adds to the states of its days, and to the counts of rejections
- `ledger_entries`: the entries of the ledger that name the senders of a group
- `journal`: predictions that are answered and not stored yet
- `stored_counts`: counts of stored events by day
- `labels`: counts labels on the days of their events
- `predictions`: events found by their id, and predictions of registered models by that of their request
- `rejections`: counts of rejected rows
"""
