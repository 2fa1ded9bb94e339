"""What calls of language models cost, and how much they may: reservations, budgets, usage by local day.

- `amounts`: measures and spans of budgets
- `budget_alerts`: facts about passed budgets, for alerts
- `budgets`: budgets and their status
- `requests`: input and result of the spending step
- `tables`: tables of spending
- `transaction`: the spending step of a transaction
- `usage`: usage by local day, project, key, user and model

An amount is reserved before a call and settled with the call's usage, in the transaction that writes its ledger entry:
usage and ledger cannot disagree. Prices and providers do not belong here.
"""
