"""Events and labels: their tables, and how they are stored and read.

`tables` declares the tables, `rows` what goes into them, `step` stores them in the writer's transaction with their `day_counts` and
`ledger_entries`; `journal` keeps predictions until they are stored; `labels`, `rejections` and `predictions` read.
"""
