"""Verify the chain: recompute every hash and compare it with the signed checkpoints.

Pure: rows and checkpoints are arguments, read from a database, a copy of it, or an export.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from guard_store.ledger.checkpoints import Checkpoint
from guard_store.ledger.entry import GENESIS, HASHED_FIELDS, LedgerRow, row_hash


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a verification.

    Attributes
    ----------
    rows : number of rows checked, including a broken one.
    first_seq, last_seq : numbers of the first and last row; None if there are no rows.
    checkpoints : number of checkpoints whose signature and hash agree with the chain.
    broken_seq : the first row at which the chain is broken; None if it is intact.
    problem : what is wrong there, in one sentence.
    """

    rows: int
    first_seq: int | None
    last_seq: int | None
    head: str
    checkpoints: int
    broken_seq: int | None = None
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the chain is intact."""
        return self.problem is None


class _BrokenError(Exception):
    def __init__(self, seq: int, problem: str) -> None:
        super().__init__(problem)
        self.seq = seq


def verify_rows(
    rows: Iterable[LedgerRow], checkpoints: Collection[Checkpoint], trusted: Collection[str] | None = None
) -> Verification:
    """Verify rows in the order of their numbers.

    Parameters
    ----------
    trusted : public keys whose checkpoints are accepted; None accepts any key, which proves less.
    """
    walk = _Walk(checkpoints, trusted)
    try:
        for row in rows:
            walk.step(row)
        walk.end()
    except _BrokenError as error:
        return walk.result(error.seq, str(error))
    return walk.result(None, None)


class _Walk:
    def __init__(self, checkpoints: Collection[Checkpoint], trusted: Collection[str] | None) -> None:
        self._by_seq = {checkpoint.seq: checkpoint for checkpoint in checkpoints}
        self._trusted = trusted
        self._n = 0
        self._n_checkpoints = 0
        self._first: int | None = None
        self._seq = 0
        self._head = GENESIS

    def step(self, row: LedgerRow) -> None:
        """Check a row against the row before it."""
        seq, prev_hash, stored = row.seq, row.prev_hash, row.hash
        if self._first is None:
            self._begin(seq, prev_hash)
        self._n += 1
        if seq != self._seq + 1:
            missing = f"row {self._seq + 1} is" if seq == self._seq + 2 else f"rows {self._seq + 1} to {seq - 1} are"
            raise _BrokenError(self._seq + 1, f"{missing} missing")
        if row.hash_version not in HASHED_FIELDS:
            raise _BrokenError(
                seq, f"row {seq} has a hash of version {row.hash_version}, which this version does not know"
            )
        if row_hash(row) != stored:
            raise _BrokenError(seq, f"row {seq} was changed: its content does not have its hash")
        if prev_hash != self._head:
            raise _BrokenError(seq, f"row {seq} does not follow row {seq - 1}: one of the two was replaced")
        self._seq, self._head = seq, stored
        self._compare_with_checkpoint()

    def end(self) -> None:
        """Check by the checkpoints that no rows are missing at the end."""
        last = max(self._by_seq, default=0)
        if last > self._seq:
            raise _BrokenError(
                self._seq + 1, f"the rows from {self._seq + 1} to {last} at least are missing at the end"
            )

    def result(self, broken_seq: int | None, problem: str | None) -> Verification:
        last = self._seq if self._first is not None else None
        return Verification(self._n, self._first, last, self._head, self._n_checkpoints, broken_seq, problem)

    def _begin(self, seq: int, prev_hash: str) -> None:
        self._first = seq
        self._seq = seq - 1
        if seq == 1:
            return
        # A pruned chain begins after a checkpoint of retention; a periodic checkpoint does not justify missing rows.
        start = self._by_seq.get(self._seq)
        if start is None or start.kind != "retention":
            self._seq = 0
            return  # the next check finds the gap
        self._head = start.hash
        self._check(start)
        if prev_hash != self._head:
            raise _BrokenError(seq, f"row {seq} does not follow the checkpoint of row {seq - 1}")

    def _compare_with_checkpoint(self) -> None:
        checkpoint = self._by_seq.get(self._seq)
        if checkpoint is None:
            return
        self._check(checkpoint)
        if checkpoint.hash != self._head:
            raise _BrokenError(
                self._seq, f"row {self._seq} is not the one that its checkpoint has signed: the chain was rewritten"
            )

    def _check(self, checkpoint: Checkpoint) -> None:
        if self._trusted is not None and checkpoint.public_key not in self._trusted:
            raise _BrokenError(checkpoint.seq, f"the checkpoint of row {checkpoint.seq} is signed by an unknown key")
        if not checkpoint.is_signed:
            raise _BrokenError(checkpoint.seq, f"the signature of the checkpoint of row {checkpoint.seq} is wrong")
        self._n_checkpoints += 1
