"""The audit ledger: one chain of rows over everything that was asked, and the proof that none was changed since.

What a row says is `entry`, how it joins the chain `append`, the proof `verify` and `checkpoints`, reading it `store`, forgetting `retention`.
"""

from guard_store.ledger.append import ConnectionStatements, Statements, append
from guard_store.ledger.checkpoints import Checkpoint, Signer, load_signer
from guard_store.ledger.entry import COLUMNS, GENESIS, Entry, LedgerRow, row_hash
from guard_store.ledger.store import LedgerFilter, LedgerStore
from guard_store.ledger.verify import Verification, verify_rows

__all__ = [
    "COLUMNS",
    "GENESIS",
    "Checkpoint",
    "ConnectionStatements",
    "Entry",
    "LedgerFilter",
    "LedgerRow",
    "LedgerStore",
    "Signer",
    "Statements",
    "Verification",
    "append",
    "load_signer",
    "row_hash",
    "verify_rows",
]
