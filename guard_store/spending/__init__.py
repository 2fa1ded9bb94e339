"""What calls of language models cost, and how much they may: reservations, budgets, usage by local day.

An amount is reserved before a call and settled with what the call took, in the transaction that puts it on the ledger:
usage and ledger cannot disagree. Prices and providers do not belong here.
"""
