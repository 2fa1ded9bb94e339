"""The journal: what is written waits, in order, and survives its process."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from guard_store.ingest.journal import Journal, JournalFullError
from guard_store.ingest.rows import EventRow
from guard_store.ledger.entry import Entry
from tests.support.paths import ROOT
from tests.support.stored_events import event

ENTRY = Entry(at_us=1, route="/predict", method="POST", status=200, request_id="r")


def rows(first: int, n: int = 1) -> list[EventRow]:
    return [event("p", "m", "2024-05-01T12:00:00Z", {"x": "ä\n"}, event_id=f"e{i}") for i in range(first, first + n)]


def drained(journal: Journal, max_bytes: int = 1_000) -> list[str]:
    found: list[str] = []
    while journal.waiting_bytes:
        taken = journal.take(max_bytes)
        found += [row.event_id for request, _ in taken.requests for row in request]
        journal.mark_stored(taken.size)
    return found


def test_rows_come_out_as_they_went_in(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_bytes=10**6)
    wanted = rows(0, 3)
    journal.append(wanted, ENTRY)
    assert journal.take(10**6)[0] == [(wanted, ENTRY)]
    assert journal.take(10**6)[0] == [(wanted, ENTRY)], "they stay until they are stored"
    journal.close()


def test_rows_are_taken_in_order_in_pieces_across_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guard_store.ingest.journal._SEGMENT_BYTES", 500)
    journal = Journal(tmp_path, max_bytes=10**6)
    for i in range(50):
        journal.append(rows(i), ENTRY)
    assert len(list(tmp_path.glob("*.journal"))) > 5
    assert drained(journal, 300) == [f"e{i}" for i in range(50)]
    assert journal.waiting_bytes == 0
    assert len(list(tmp_path.glob("*.journal"))) == 1
    journal.append(rows(50), ENTRY)
    assert drained(journal) == ["e50"]
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_row_larger_than_what_is_taken_at_once_comes_whole(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_bytes=10**6)
    journal.append([event("p", "m", "2024-05-01T12:00:00Z", {"x": "y" * 5_000}, event_id="large")], ENTRY)
    assert drained(journal, 100) == ["large"]
    journal.close()


def test_beyond_the_limit_nothing_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_bytes=600)
    journal.append(rows(0), ENTRY)
    with pytest.raises(JournalFullError, match="bytes of predictions wait"):
        journal.append(rows(1, 5), ENTRY)
    assert drained(journal) == ["e0"]
    journal.close()


def test_a_full_disk_leaves_no_half_row(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_bytes=10**6)
    journal.append(rows(0), ENTRY)
    size = sum(path.stat().st_size for path in tmp_path.glob("*.journal"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, hard))  # half a row fits
    try:
        with pytest.raises(JournalFullError, match="cannot be written"):
            journal.append(rows(1), ENTRY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    journal.append(rows(2), ENTRY)
    assert drained(journal) == ["e0", "e2"]
    journal.close()


def test_a_disk_without_room_for_another_segment_is_a_full_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guard_store.ingest.journal._SEGMENT_BYTES", 100)
    journal = Journal(tmp_path, max_bytes=10**6)
    journal.append(rows(0), ENTRY)
    opened = os.open

    def full(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, flags, mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        with pytest.raises(JournalFullError, match="No space left"):
            journal.append(rows(1), ENTRY)
    journal.append(rows(2), ENTRY)
    assert drained(journal) == ["e0", "e2"]
    journal.close()


def test_what_a_killed_process_has_left_is_taken_over_once(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from guard_store.ingest.journal import Journal;"
        "from tests.guard_store.ingest.test_journal import ENTRY, rows; j = Journal(Path(sys.argv[1]), max_bytes=10**6);"
        "j.append(rows(0, 3), ENTRY); os.write(j._segments[0].file, b'[\"half a row'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk'}"}
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, env=env, check=False)
    assert died.returncode == -signal.SIGKILL
    first, second = Journal(tmp_path, max_bytes=10**6), Journal(tmp_path, max_bytes=10**6)
    first.append(rows(9), ENTRY)
    assert first.adopt_orphans() > 0
    assert second.adopt_orphans() == 0, "living processes keep theirs"
    assert drained(first) == ["e0", "e1", "e2", "e9"]
    first.close()
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_what_waits_when_a_process_ends_is_there_for_the_next(tmp_path: Path) -> None:
    before = Journal(tmp_path, max_bytes=10**6)
    before.append(rows(0), ENTRY)
    before.close()
    after = Journal(tmp_path, max_bytes=10**6)
    after.adopt_orphans()
    assert drained(after) == ["e0"]
    after.close()


def test_what_a_dead_process_had_stored_is_not_replayed(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from guard_store.ingest.journal import Journal;"
        "from tests.guard_store.ingest.test_journal import ENTRY, rows; j = Journal(Path(sys.argv[1]), max_bytes=10**6);"
        "[j.append(rows(i), ENTRY) for i in range(5)]; j.mark_stored(j.take(500).size); os.kill(os.getpid(), signal.SIGKILL)"
    )
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sdk'}"}
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, env=env, check=False)
    assert died.returncode == -signal.SIGKILL
    after = Journal(tmp_path, max_bytes=10**6)
    assert after.adopt_orphans() == after.waiting_bytes
    assert after.take(10**6).is_replay
    names = drained(after)
    assert 0 < len(names) < 5
    assert names == [f"e{i}" for i in range(5)][-len(names) :]
    after.append(rows(9), ENTRY)
    assert not after.take(10**6).is_replay
    after.close()


def test_a_process_killed_while_it_emptied_a_segment_replays_nothing(tmp_path: Path) -> None:
    before = Journal(tmp_path, max_bytes=10**6)
    before.append(rows(0), ENTRY)
    segment = before._segments[0]
    segment.set_stored(segment.written)
    os.ftruncate(segment.file, 0)  # killed before the mark was reset
    segment.close()
    after = Journal(tmp_path, max_bytes=10**6)
    assert after.adopt_orphans() == 0
    after.close()
    assert list(tmp_path.iterdir()) == []
