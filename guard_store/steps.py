"""The steps of the writer's transaction, in the order that their locks demand."""

from guard_store.ingest.step import IngestStep
from guard_store.ledger.step import LedgerStep
from guard_store.spending.step import SpendingStep
from guard_store.writer.work import Step


def writer_steps(*, close_delay_s: int) -> tuple[Step, ...]:
    """Return the steps: rows, then spending, then the ledger.

    Rows come first, because PostgreSQL begins the transaction again where it meets a duplicate among them. The ledger comes last: the
    chain's lock makes all other writers wait until the commit (docs/decisions/0013).

    Parameters
    ----------
    close_delay_s : seconds after local midnight from which an event of that day counts as late.
    """
    return IngestStep(close_delay_s), SpendingStep(), LedgerStep()
