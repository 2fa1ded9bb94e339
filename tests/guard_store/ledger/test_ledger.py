"""The ledger: whatever is done to its rows is found and named; what grows and what is pruned stays one chain."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from guard_core.settings import SettingsError
from guard_store.db.database import Database
from guard_store.ledger.checkpoints import Signer, load_signer
from guard_store.ledger.entry import Entry, LedgerRow, row_hash
from guard_store.ledger.store import LedgerFilter, LedgerStore
from guard_store.ledger.tables import ledger, ledger_checkpoints
from guard_store.retention.sweeps import sweep_ledger
from tests.support.settings import settings_of, with_values

KEY = Signer(b"k" * 32)


def entry(n: int, **rest: object) -> Entry:
    """The n-th request."""
    fields = {"request_id": f"r{n}", "role": "analyst", "key_id": "k", "project_id": "p", **rest}
    return Entry(at_us=n * 1_000_000, route="/query", method="POST", status=200, **fields)  # type: ignore[arg-type]


@pytest.fixture
def store(database: Database) -> LedgerStore:
    """A ledger of twenty rows, the tenth signed."""
    store = LedgerStore(database, KEY)
    store.append([entry(n) for n in range(1, 11)])
    store.checkpoint()
    for n in range(11, 21):
        store.append([entry(n, tokens_in=n, cost_nano_usd=n * 1_000, compliance_flag=n % 2 == 0, flags="denylist")])
    return store


def test_an_untouched_chain_is_whole(store: LedgerStore) -> None:
    found = store.verify()
    assert (found.ok, found.rows, found.first_seq, found.last_seq, found.checkpoints) == (True, 20, 1, 20, 1)


def test_an_empty_ledger_is_whole(database: Database) -> None:
    found = LedgerStore(database, KEY).verify()
    assert (found.ok, found.rows, found.last_seq) == (True, 0, None)


@pytest.mark.parametrize("seq", [1, 7, 20])
@pytest.mark.parametrize(
    "change",
    [
        {"status": 500},
        {"flags": ""},
        {"key_id": None},
        {"tokens_in": 1_000},
        {"compliance_flag": True},
        {"details": "{ }"},
    ],
)
def test_a_changed_row_is_named(store: LedgerStore, database: Database, seq: int, change: dict[str, object]) -> None:
    with database.write() as connection:
        before = connection.execute(ledger.select().where(ledger.c.seq == seq)).one()._mapping
        if all(before[name] == value for name, value in change.items()):
            change = (
                {name: not value for name, value in change.items()} if "compliance_flag" in change else {"flags": "x"}
            )
        connection.execute(update(ledger).where(ledger.c.seq == seq).values(**change))
    found = store.verify()
    assert found.broken_seq == seq
    assert "was changed" in str(found.problem)


@pytest.mark.parametrize("seq", [1, 10, 15])
def test_a_deleted_row_is_named(store: LedgerStore, database: Database, seq: int) -> None:
    with database.write() as connection:
        connection.execute(delete(ledger).where(ledger.c.seq == seq))
    found = store.verify()
    assert found.broken_seq == seq
    assert "missing" in str(found.problem)


def test_rows_that_are_missing_at_the_end_are_missed_where_a_checkpoint_has_signed_them(
    store: LedgerStore, database: Database
) -> None:
    store.checkpoint()
    with database.write() as connection:
        connection.execute(delete(ledger).where(ledger.c.seq > 17))
    found = store.verify()
    assert found.broken_seq == 18
    assert "at the end" in str(found.problem)


def test_an_inserted_row_is_named(store: LedgerStore, database: Database) -> None:
    with database.write() as connection:
        for seq in range(20, 12, -1):
            connection.execute(update(ledger).where(ledger.c.seq == seq).values(seq=seq + 1))
        row = dict(connection.execute(ledger.select().where(ledger.c.seq == 12)).one()._mapping)
        forged = {**row, "seq": 13, "prev_hash": row["hash"], "request_id": "forged"}
        forged["hash"] = row_hash(LedgerRow(**forged))
        connection.execute(insert(ledger), forged)
    found = store.verify()
    assert found.broken_seq in {13, 14}


def test_two_rows_that_changed_places_are_named(store: LedgerStore, database: Database) -> None:
    with database.write() as connection:
        for old, new in ((5, 99), (6, 5), (99, 6)):
            connection.execute(update(ledger).where(ledger.c.seq == old).values(seq=new))
    assert store.verify().broken_seq == 5


def test_a_chain_that_was_written_anew_is_found_by_its_checkpoint(store: LedgerStore, database: Database) -> None:
    rows = list(store.all_rows())
    with database.write() as connection:
        connection.execute(delete(ledger))
    again = LedgerStore(database, KEY)
    again.append([entry(row.seq, flags="washed") for row in rows])
    found = again.verify()
    assert found.broken_seq == 10
    assert "rewritten" in str(found.problem)


def test_a_checkpoint_by_another_key_is_not_trusted(store: LedgerStore, database: Database) -> None:
    assert not LedgerStore(database, Signer(b"x" * 32)).verify().ok
    assert LedgerStore(database, Signer(b"x" * 32)).verify(trusted=[KEY.public_key]).ok


def test_a_forged_checkpoint_is_found(store: LedgerStore, database: Database) -> None:
    with database.write() as connection:
        connection.execute(update(ledger_checkpoints).values(made_us=1))
    assert "signature" in str(store.verify().problem)


def test_a_pruned_chain_still_verifies_and_goes_on(store: LedgerStore) -> None:
    sweep = Entry(at_us=21_000_000, route="retention", method="SWEEP", status=200)
    assert store.prune(13_000_000, sweep) == 12
    assert [row.seq for row in store.all_rows()] == list(range(13, 22))
    store.append([entry(22)])
    found = store.verify()
    assert (found.ok, found.first_seq, found.last_seq) == (True, 13, 22)


def test_pruning_more_than_there_is_keeps_one_row_to_go_on_from(store: LedgerStore) -> None:
    sweep = Entry(at_us=90_000_000, route="retention", method="SWEEP", status=200)
    assert store.prune(80_000_000, sweep) == 19
    assert store.prune(80_000_000, sweep) == 1, "the row of the first sweep is young enough"
    assert [row.seq for row in store.all_rows()] == [21, 22]
    assert store.prune(80_000_000, sweep) == 0
    assert store.verify().ok


def test_a_sweep_that_dies_between_two_pieces_leaves_a_whole_chain(
    store: LedgerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guard_store.ledger.store._PRUNED_ROWS", 4)
    prune_piece = LedgerStore._prune_piece
    pieces: list[int] = []

    def dies(self: LedgerStore, last: int, sweep: Entry | None) -> None:
        if len(pieces) == 2:
            raise KeyboardInterrupt
        pieces.append(last)
        prune_piece(self, last, sweep)

    monkeypatch.setattr(LedgerStore, "_prune_piece", dies)
    sweep = Entry(at_us=90_000_000, route="retention", method="SWEEP", status=200)
    with pytest.raises(KeyboardInterrupt):
        store.prune(15_000_000, sweep)
    assert pieces == [4, 8]
    assert (store.verify().ok, store.verify().first_seq) == (True, 9)
    monkeypatch.setattr(LedgerStore, "_prune_piece", prune_piece)
    store.prune(15_000_000, sweep)
    assert (store.verify().ok, store.verify().first_seq) == (True, 15)


def test_what_is_older_than_the_setting_is_swept_and_nothing_without_it(
    store: LedgerStore, database: Database, tmp_path: Path
) -> None:
    settings = settings_of(home=tmp_path, audit_key=base64.b64encode(b"k" * 32).decode())
    assert sweep_ledger(database, settings) is None
    assert sweep_ledger(database, with_values(settings, retention_log_days=30)) == 19
    newest = store.page(LedgerFilter(route="retention"), None, 1)[0]
    assert '"log_retention_days":30' in str(newest)
    assert store.verify().ok


def test_rows_that_were_pruned_by_hand_are_missed(store: LedgerStore, database: Database) -> None:
    with database.write() as connection:
        connection.execute(delete(ledger).where(ledger.c.seq < 5))
    assert store.verify().broken_seq == 1


def test_many_writers_at_once_make_one_chain(database_url: str, store: LedgerStore) -> None:
    def write(worker: int) -> None:
        database = Database(database_url)
        own = LedgerStore(database, None)
        for n in range(25):
            own.append([entry(worker * 1_000 + n), entry(worker * 1_000 + n)])
        database.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(1, 5)))
    found = store.verify()
    assert (found.ok, found.rows) == (True, 20 + 4 * 25 * 2)


def test_rows_are_filtered_and_paged_newest_first(store: LedgerStore) -> None:
    first = store.page(LedgerFilter(compliance_flag=True), None, 3)
    assert [row.seq for row in first] == [20, 18, 16]
    assert [row.seq for row in store.page(LedgerFilter(compliance_flag=True), 16, 3)] == [14, 12]
    assert [row.seq for row in store.page(LedgerFilter(from_us=3_000_000, to_us=5_000_000), None, 9)] == [4, 3]
    assert store.page(LedgerFilter(request_id="nobody"), None, 9) == []


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    settings = settings_of(home=tmp_path / "home")
    with ThreadPoolExecutor(4) as pool:
        keys = set(pool.map(lambda _: load_signer(settings).public_key, range(8)))
    assert len(keys) == 1
    assert stat.S_IMODE((tmp_path / "home" / "audit.key").stat().st_mode) == 0o600


def test_a_wrong_key_is_named_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ML_GUARD_AUDIT_KEY: must be 32 random bytes") as error:
        load_signer(settings_of(home=tmp_path, audit_key="c2VjcmV0"))
    assert "c2VjcmV0" not in str(error.value)
