"""The steps of the writer's transaction, in the order that their locks require.

The steps themselves belong to the domains; running them is `guard_store.writer`.
"""

from guard_store.ingest.step import IngestStep
from guard_store.ledger.step import LedgerStep
from guard_store.spending.step import SpendingStep
from guard_store.writer.work import Step


def writer_steps(*, close_delay_s: int) -> tuple[Step, ...]:
    """Return the steps: rows, then spending, then the ledger.

    Rows come first, because the transaction is restarted on PostgreSQL if there is a duplicate among them. The ledger comes
    last, because all other writers wait for the lock of the chain until the commit (docs/decisions/0013).

    Parameters
    ----------
    close_delay_s : seconds after local midnight from which an event of that day counts as late.
    """
    return IngestStep(close_delay_s), SpendingStep(), LedgerStep()
