"""Events, labels and rejected rows, read after `guard_store.writer` has written them.

- `labels`: counts labels on the days of their events
- `predictions`: predictions of registered models, found by request or event id
- `rejections`: counts of rejected rows
- `tables`: tables of events, labels and rejections
"""
