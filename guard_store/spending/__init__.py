"""What calls of language models cost, and how much they may: reservations, budgets, usage by local day.

An amount is reserved before a call and settled with what the call took, in the transaction that puts it on the ledger:
usage and ledger cannot disagree. Prices and providers do not belong here.
"""

from guard_store.spending.amounts import Amount, Measure
from guard_store.spending.budgets import Budget, BudgetStore, Standing
from guard_store.spending.requests import Hold, Refusal, Reservation, Reserved, Settlement, lost
from guard_store.spending.usage import USAGE_GROUPS, UsageRow, UsageStore

__all__ = [
    "USAGE_GROUPS",
    "Amount",
    "Budget",
    "BudgetStore",
    "Hold",
    "Measure",
    "Refusal",
    "Reservation",
    "Reserved",
    "Settlement",
    "Standing",
    "UsageRow",
    "UsageStore",
    "lost",
]
