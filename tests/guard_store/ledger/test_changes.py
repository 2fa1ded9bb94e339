"""Whatever is done to the rows of a chain, wherever, the first broken row is found and named: a property test on the pure proof."""

from operator import attrgetter
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from guard_store.ledger import entry
from guard_store.ledger.checkpoints import Signer
from guard_store.ledger.entry import (
    FIELDS,
    GENESIS,
    HASH_VERSION,
    HASHED_FIELDS,
    Entry,
    LedgerRow,
    chain_entry,
    row_hash,
)
from guard_store.ledger.verify import verify_rows

KEY = Signer(b"k" * 32)
ROWS = 30
SIGNED = 12


def chain(n: int = ROWS, first: int = 1, prev_hash: str = GENESIS) -> list[LedgerRow]:
    rows = []
    for seq in range(first, first + n):
        told = Entry(at_us=seq, route="/query", method="POST", status=200, request_id=f"r{seq}", tokens_in=seq)
        rows.append(chain_entry(told, seq, prev_hash))
        prev_hash = rows[-1].hash
    return rows


WHOLE = chain()
CHECKPOINTS = [
    KEY.checkpoint(SIGNED, WHOLE[SIGNED - 1].hash, "periodic", 1),
    KEY.checkpoint(ROWS, WHOLE[-1].hash, "periodic", 2),
]
places = st.integers(1, ROWS)
values = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=20))


def broken(rows: list[LedgerRow]) -> int | None:
    return verify_rows(rows, CHECKPOINTS, [KEY.public_key]).broken_seq


def with_hash(row: LedgerRow) -> LedgerRow:
    return replace(row, hash=row_hash(row))


def test_the_chain_itself_is_whole() -> None:
    assert broken(WHOLE) is None


@settings(max_examples=300)
@given(places, st.sampled_from(FIELDS), values, st.booleans())
def test_a_changed_row_is_named(seq: int, name: str, value: Any, hashed_again: bool) -> None:
    old = WHOLE[seq - 1]
    if (type(getattr(old, name)), getattr(old, name)) == (type(value), value):
        return
    changed = replace(old, **{name: value})
    rows = [*WHOLE[: seq - 1], with_hash(changed) if hashed_again else changed, *WHOLE[seq:]]
    # With a new hash the row itself is right, and the next one, or its signature, says that it is another.
    assert broken(rows) in ({seq, seq + 1} if hashed_again else {seq})


@given(places, st.integers(1, ROWS))
@example(1, SIGNED)  # up to a periodic checkpoint: it is not retention's word
def test_deleted_rows_are_named(seq: int, n: int) -> None:
    rows = [row for row in WHOLE if not seq <= row.seq < seq + n]
    assert broken(rows) == (seq if rows else 1)


@settings(max_examples=200)
@given(st.integers(1, ROWS - 1), st.integers(1, 3))
def test_inserted_rows_are_named(after: int, n: int) -> None:
    """The forger numbers everything behind anew and gives all hashes that fit, as far as that helps."""
    forged = chain(n, after + 1, WHOLE[after - 1].hash)
    moved = [replace(row, seq=row.seq + n) for row in WHOLE[after:]]
    assert broken([*WHOLE[:after], *forged, *moved]) in range(after + 1, after + n + 2)
    assert broken([*WHOLE[:after], *forged, *map(with_hash, moved)]) in range(after + 1, after + n + 2)


@given(st.lists(places, min_size=2, max_size=5, unique=True), st.randoms(use_true_random=False))
def test_rows_that_changed_places_are_named(seqs: list[int], random: Any) -> None:
    shuffled = seqs[:]
    random.shuffle(shuffled)
    rows = list(WHOLE)
    for place, seq in zip(seqs, shuffled, strict=True):
        rows[place - 1] = replace(WHOLE[seq - 1], seq=place)
    moved = [place for place, seq in zip(seqs, shuffled, strict=True) if place != seq]
    assert broken(rows) == (min(moved) if moved else None)


@given(places)
def test_a_chain_that_is_written_anew_from_somewhere_on_is_found_by_its_signature(seq: int) -> None:
    before = WHOLE[: seq - 1]
    forged = Entry(at_us=1, route="/washed", method="POST", status=200)
    washed = chain_entry(forged, seq, before[-1].hash if before else GENESIS)
    rows = [*before, washed, *chain(ROWS - seq, seq + 1, washed.hash)]
    assert broken(rows) == (SIGNED if seq <= SIGNED else ROWS)


@given(st.integers(1, ROWS - 1))
def test_a_pruned_chain_is_whole_behind_a_signature_only(last: int) -> None:
    signed = KEY.checkpoint(last, WHOLE[last - 1].hash, "retention", 3)
    found = verify_rows(WHOLE[last:], [*(c for c in CHECKPOINTS if c.seq > last), signed], [KEY.public_key])
    assert (found.ok, found.first_seq) == (True, last + 1)
    without = verify_rows(WHOLE[last:], [c for c in CHECKPOINTS if c.seq > last], [KEY.public_key])
    assert without.broken_seq == 1


def test_a_row_of_an_older_hash_stays_valid_and_one_of_a_newer_hash_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    older = {name for name in FIELDS if name != "policy_hash"}  # as if `policy_hash` were a new column
    fields = tuple(name for name in FIELDS if name in older)
    monkeypatch.setitem(entry._hashed_values, 0, attrgetter("seq", *fields, "prev_hash"))
    monkeypatch.setitem(HASHED_FIELDS, 0, fields)
    first = with_hash(replace(chain(1)[0], hash_version=0, policy_hash="filled in later"))
    second = chain(1, 2, first.hash)[0]
    assert verify_rows([first, second], []).ok
    assert verify_rows([replace(first, policy_hash=None), second], []).ok
    assert verify_rows([replace(first, model="m"), second], []).broken_seq == 1
    found = verify_rows([first, replace(second, hash_version=99)], [])
    assert (found.broken_seq, "version 99" in str(found.problem)) == (2, True)
    changed = verify_rows([first, replace(second, hash_version=0)], [])
    assert changed.broken_seq == 2, "a version that covers less does not fit the hash"


def test_the_newest_version_of_the_hash_covers_every_field_of_an_entry() -> None:
    assert HASHED_FIELDS[HASH_VERSION] == FIELDS
