"""Events, labels and rejected rows: stored by a step of the writer, and read.

- `day_counts`: counts of a group of rows by local day, and counts of rejections
- `journal`: predictions that are answered but not stored yet
- `labels`: counts labels on the days of their events
- `ledger_entries`: entries of the ledger for a group of rows, one for each sender
- `predictions`: looks up predictions of registered models by request or event id
- `rejections`: counts of rejected rows
- `rows`: rows of events and labels, and the works that store them
- `step`: stores the rows of a group in the writer's transaction
- `tables`: tables of events, labels and rejections
"""
