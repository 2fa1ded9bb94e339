"""Spending on language models: reservations, budgets, and usage by local day.

- `amounts`: measures and spans of budgets
- `budget_alerts`: facts about exceeded budgets, for alerts
- `budgets`: budgets and their status
- `latencies`: buckets and percentiles of the latency of calls
- `works`: input and result of the spending step
- `step`: the spending step of a transaction
- `tables`: tables of spending
- `usage`: usage by local day, project, key, user and model

An amount is reserved before a call and settled with the call's usage, in the transaction that writes its ledger entry:
usage and ledger cannot disagree. Prices and providers do not belong here.
"""
