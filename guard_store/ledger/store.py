"""Read, verify, sign and prune the ledger.

Appending rows in the transaction of their action is `append`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, func, literal, select

from guard_core.days import now_us
from guard_core.units import SECOND_US
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert
from guard_store.ledger.append import ConnectionStatements, append
from guard_store.ledger.checkpoints import Checkpoint, Kind, Signer
from guard_store.ledger.entry import COLUMNS, Entry, LedgerRow, row_of
from guard_store.ledger.tables import ledger, ledger_bodies, ledger_checkpoints
from guard_store.ledger.verify import Verification, verify_rows

_PAGE_ROWS = 10_000
_POLICY_SIDES = ("request.", "passage.", "response.")
_QUARTER_US = 900 * SECOND_US
_COMMIT_US = 60 * SECOND_US  # from the arrival of an event to its row of the ledger, at most
_PRUNED_ROWS = 50_000  # rows of one DELETE, for which other writers wait


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Conditions on rows; None allows any value. `flag` is one of a row's flags, `from_us` is the first instant, `to_us` the first instant after."""

    project_id: str | None = None
    key_id: str | None = None
    route: str | None = None
    request_id: str | None = None
    model: str | None = None
    end_user: str | None = None
    compliance_flag: bool | None = None
    flag: str | None = None
    from_us: int | None = None
    to_us: int | None = None

    def narrow(self, statement: Select[tuple[object, ...]]) -> Select[tuple[object, ...]]:
        """Restrict a statement on the ledger to these rows."""
        c = ledger.c
        for name in ("project_id", "key_id", "route", "request_id", "model", "end_user", "compliance_flag"):
            value = getattr(self, name)
            if value is not None:
                statement = statement.where(c[name] == value)
        if self.flag is not None:
            flags = literal(",") + c.flags + ","
            statement = statement.where(flags.contains(f",{self.flag},", autoescape=True))
        if self.from_us is not None:
            statement = statement.where(c.at_us >= self.from_us)
        if self.to_us is not None:
            statement = statement.where(c.at_us < self.to_us)
        return statement


@dataclass(frozen=True, slots=True)
class FlagCount:
    """Requests with the same flags in the quarter of an hour that begins at `since_us`."""

    project_id: str | None
    model: str | None
    flags: tuple[str, ...]
    since_us: int
    requests: int


@dataclass(frozen=True, slots=True)
class Unsigned:
    """The rows after the newest signed checkpoint: how many, and when the first of them was written (None if there is none)."""

    rows: int
    since_us: int | None


class LedgerStore:
    """The ledger of one database.

    Parameters
    ----------
    signer : signs checkpoints, and `verify` trusts its key. None: nothing can be signed, and every key is trusted.
    """

    def __init__(self, database: Database, signer: Signer | None) -> None:
        self._database = database
        self._signer = signer

    def append(self, entries: Sequence[Entry]) -> None:
        """Append entries in a separate transaction."""
        with self._database.write() as connection:
            append(ConnectionStatements(connection), entries)

    def page(self, row_filter: LedgerFilter, before_seq: int | None, limit: int) -> list[LedgerRow]:
        """Return rows, newest first, below `before_seq`."""
        statement = row_filter.narrow(_rows()).order_by(ledger.c.seq.desc()).limit(limit)
        if before_seq is not None:
            statement = statement.where(ledger.c.seq < before_seq)
        with self._database.read() as connection:
            return [row_of(row) for row in connection.execute(statement)]

    def count_flags(self, since_us: int, project_id: str | None = None) -> dict[str, int]:
        """Return the number of requests by rule of the content policies that matched, since an instant, most first."""
        c = ledger.c
        statement = select(c.flags, func.count()).where(c.at_us >= since_us, c.flags != "").group_by(c.flags)
        if project_id is not None:
            statement = statement.where(c.project_id == project_id)
        counts: Counter[str] = Counter()
        with self._database.read() as connection:
            for flags, requests in connection.execute(statement):
                counts.update(dict.fromkeys(_policy_flags(flags), requests))
        return dict(counts.most_common())

    def count_flags_by_time(self, since_us: int, until_us: int, project_id: str | None = None) -> list[FlagCount]:
        """Return the requests in which rules of the content policies matched, summed by quarter of an hour.

        Each quarter lies within one local day, because the offsets of all time zones are multiples of it.
        """
        c = ledger.c
        quarter = (c.at_us // _QUARTER_US).label("quarter")
        groups = (c.project_id, c.model, c.flags, quarter)
        statement = (
            select(*groups, func.count().label("requests"))
            .where(c.at_us >= since_us, c.at_us < until_us, c.flags != "")
            .group_by(*groups)
        )
        if project_id is not None:
            statement = statement.where(c.project_id == project_id)
        with self._database.read() as connection:
            return [
                FlagCount(row.project_id, row.model, flags, row.quarter * _QUARTER_US, row.requests)
                for row in connection.execute(statement)
                if (flags := _policy_flags(row.flags))
            ]

    def row_of_event(self, project_id: str, request_id: str, received_us: int) -> LedgerRow | None:
        """Return the row of the request that sent or predicted an event; None if there is none, or it was pruned.

        The row of several requests has the id of the first, and those of all in its details. Callers may use an id again:
        the first row after the event arrived is the one.
        """
        c = ledger.c
        is_among_several = c.details.contains('"request_ids":[') & c.details.contains(
            f'"{request_id}"', autoescape=True
        )
        statement = (
            _rows()
            .where(c.at_us.between(received_us, received_us + _COMMIT_US))
            .where((c.request_id == request_id) | is_among_several)
            .where((c.project_id == project_id) | c.project_id.is_(None))
            .order_by(c.at_us, c.seq)
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else row_of(row)

    def all_rows(self, row_filter: LedgerFilter | None = None) -> Iterator[LedgerRow]:
        """Yield rows in the order of the chain, read page by page from one consistent snapshot."""
        with self._database.read() as connection:
            yield from _walk(connection, row_filter or LedgerFilter())

    def verify(self, *, trusted: Sequence[str] | None = None) -> Verification:
        """Verify the whole chain, without rows that are appended meanwhile.

        Parameters
        ----------
        trusted : trusted public keys besides the signer's.
        """
        signer_keys = [self._signer.public_key] if self._signer else []
        keys = [*signer_keys, *(trusted or ())] or None
        with self._database.read() as connection:
            checkpoints = _checkpoints(connection)
            return verify_rows(_walk(connection, LedgerFilter()), checkpoints, keys)

    def checkpoints(self) -> list[Checkpoint]:
        """Return all signed checkpoints, oldest first."""
        with self._database.read() as connection:
            return _checkpoints(connection)

    def covering_checkpoint(self, seq: int) -> Checkpoint | None:
        """Return the first signed checkpoint at or after a row: the hashes of the chain lead from the row to it."""
        c = ledger_checkpoints.c
        statement = select(ledger_checkpoints).where(c.seq >= seq).order_by(c.seq).limit(1)
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Checkpoint(**row._mapping)

    def newest_checkpoint(self) -> Checkpoint | None:
        """Return the newest signed checkpoint; None if nothing is signed."""
        statement = select(ledger_checkpoints).order_by(ledger_checkpoints.c.seq.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Checkpoint(**row._mapping)

    def unsigned(self) -> Unsigned:
        """Return how many rows have no signed checkpoint at or after them, and when the oldest of them was written."""
        c = ledger.c
        with self._database.read() as connection:
            signed = connection.scalar(select(func.max(ledger_checkpoints.c.seq))) or 0
            newest = connection.scalar(select(func.max(c.seq))) or 0
            first = select(c.at_us).where(c.seq > signed).order_by(c.seq).limit(1)
            return Unsigned(max(0, newest - signed), connection.scalar(first))

    def checkpoint(self, *, kind: Kind = "periodic") -> Checkpoint | None:
        """Sign the newest row; return None if there is no row or it is signed already."""
        with self._database.write() as connection:
            newest = connection.execute(select(ledger.c.seq, ledger.c.hash).order_by(ledger.c.seq.desc()).limit(1))
            row = newest.one_or_none()
            if row is None:
                return None
            return self._sign(connection, row.seq, row.hash, kind)

    def prune(self, before_us: int, sweep: Entry) -> int:
        """Delete older rows piece by piece, each behind a signed checkpoint; return how many.

        Parameters
        ----------
        sweep : entry that records the deletion, appended if there are rows to delete.
        """
        c = ledger.c
        with self._database.read() as connection:
            # Only up to the first row that stays: times may be out of order if the clock of one machine is behind.
            first_kept = connection.scalar(select(func.min(c.seq)).where(c.at_us >= before_us))
            oldest, newest = connection.execute(select(func.min(c.seq), func.max(c.seq))).one()
        if oldest is None:
            return 0
        end = (newest if first_kept is None else first_kept) - 1  # one row always stays, to continue the chain
        lasts = [*range(oldest + _PRUNED_ROWS - 1, end, _PRUNED_ROWS), end] if end >= oldest else []
        for n, last in enumerate(lasts):
            self._prune_piece(last, sweep if n == 0 else None)
        return max(0, int(end - oldest + 1))

    def _prune_piece(self, last: int, sweep: Entry | None) -> None:
        # In one transaction, so that the chain begins behind a checkpoint even if the process dies.
        c = ledger.c
        with self._database.write() as connection:
            row_hash = connection.scalar(select(c.hash).where(c.seq == last))
            if row_hash is None:  # another sweep was faster
                return
            # A periodic checkpoint of the same row would not prove that the rows before it were pruned.
            connection.execute(delete(ledger_checkpoints).where(ledger_checkpoints.c.seq == last))
            self._sign(connection, last, row_hash, "retention")
            connection.execute(delete(ledger).where(c.seq <= last))
            connection.execute(delete(ledger_bodies).where(ledger_bodies.c.seq <= last))
            if sweep is not None:
                append(ConnectionStatements(connection), [sweep])

    def _sign(self, connection: Connection, seq: int, row_hash: str, kind: Kind) -> Checkpoint | None:
        if self._signer is None:
            raise ValueError("there is no key to sign a checkpoint with")
        if connection.scalar(select(ledger_checkpoints.c.seq).where(ledger_checkpoints.c.seq == seq)) is not None:
            return None
        checkpoint = self._signer.checkpoint(seq, row_hash, kind, now_us())
        row = {
            name: getattr(checkpoint, name) for name in ("seq", "hash", "kind", "made_us", "public_key", "signature")
        }
        # Workers that stop together sign the same row: the first one counts.
        statement = dialect_insert(connection, ledger_checkpoints).values(row).on_conflict_do_nothing()
        is_first = connection.scalar(statement.returning(ledger_checkpoints.c.seq)) is not None
        return checkpoint if is_first else None


def _policy_flags(flags: str) -> tuple[str, ...]:
    """Return the flags of content policies, which begin with the side that was checked; those of tools do not."""
    return tuple(flag for flag in flags.split(",") if flag.startswith(_POLICY_SIDES))


def _rows() -> Select[tuple[object, ...]]:
    return select(*(ledger.c[name] for name in COLUMNS))


def _walk(connection: Connection, row_filter: LedgerFilter) -> Iterator[LedgerRow]:
    after: Any = 0
    while True:
        statement = row_filter.narrow(_rows()).where(ledger.c.seq > after).order_by(ledger.c.seq).limit(_PAGE_ROWS)
        rows = [row_of(row) for row in connection.execute(statement)]
        yield from rows
        if len(rows) < _PAGE_ROWS:
            return
        after = rows[-1].seq


def _checkpoints(connection: Connection) -> list[Checkpoint]:
    statement = select(ledger_checkpoints).order_by(ledger_checkpoints.c.seq)
    return [Checkpoint(**row._mapping) for row in connection.execute(statement)]
