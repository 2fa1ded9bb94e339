"""The spool of the background client: outages, restarts, torn lines, bounds, and folders that processes share."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ml_guard import BackgroundClient
from ml_guard.shapes import Event
from ml_guard.spool import Spool

from tests.sdk.api_double import ROW, UNREACHABLE, ApiDouble, Misbehaviour, wait_for


def left_by_an_ended_client(folder: Path, rows: int = 3) -> list[str | None]:
    client = BackgroundClient(UNREACHABLE, spool_dir=folder)
    event_ids = [client.ingest(**ROW) for _ in range(rows)]
    client.close(0)
    assert client.stats.dropped == {}
    return event_ids


def test_rows_of_an_ended_process_are_sent_at_the_next_start_with_their_ids(api: ApiDouble, tmp_path: Path) -> None:
    event_ids = left_by_an_ended_client(tmp_path)
    with BackgroundClient(api.url, spool_dir=tmp_path):
        wait_for(lambda: len(api.stored) == 3)
    assert list(api.stored) == event_ids
    assert list(tmp_path.iterdir()) == []


def test_a_minute_without_a_server_loses_nothing_with_a_spool(api: ApiDouble, tmp_path: Path) -> None:
    api.misbehaviours += [Misbehaviour(503)] * 4
    with BackgroundClient(api.url, spool_dir=tmp_path, batch_rows=500, max_rows=10) as client:
        event_ids = [client.ingest(**ROW) for _ in range(6_000)]
        assert client.flush(60)
        assert (client.stats.sent, client.stats.dropped) == (6_000, {})
    assert list(api.stored) == event_ids


def test_a_torn_last_line_is_left_out(api: ApiDouble, tmp_path: Path) -> None:
    event_ids = left_by_an_ended_client(tmp_path)
    (segment,) = tmp_path.glob("*.ndjson")
    with segment.open("ab") as file:
        file.write(b'{"project_id": "p", "event')
    with BackgroundClient(api.url, spool_dir=tmp_path) as client:
        wait_for(lambda: client.stats.sent == 3)
    assert list(api.stored) == event_ids


def test_a_full_spool_drops_and_counts(tmp_path: Path) -> None:
    client = BackgroundClient(UNREACHABLE, spool_dir=tmp_path, spool_max_bytes=1_000)
    accepted = [client.ingest(**ROW) for _ in range(20)].count(None)
    assert 0 < accepted < 20
    assert client.stats.dropped == {"queue_full": accepted}
    assert sum(path.stat().st_size for path in tmp_path.glob("*.ndjson")) <= 1_000
    client.close(0)


def test_a_living_process_keeps_its_segments(tmp_path: Path) -> None:
    spools = [Spool(tmp_path, max_bytes=10**6, batch_rows=10, fsync=True) for _ in range(2)]
    spools[0].append((Event, b'{"features":{}}\n'))
    assert spools[1].scan() == []
    spools[0].close()
    (segment,) = spools[1].scan()
    assert segment.rows == 1
    spools[1].close()


def test_a_row_that_the_disk_does_not_take_is_counted_and_leaves_no_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = BackgroundClient(UNREACHABLE, spool_dir=tmp_path)
    client.ingest(**ROW)
    (segment,) = tmp_path.glob("*.ndjson")
    before = segment.read_bytes()
    write = os.write
    monkeypatch.setattr("ml_guard.spool.os.write", lambda descriptor, line: write(descriptor, line[:5]))
    assert client.ingest(**ROW) is None
    monkeypatch.undo()
    assert client.stats.dropped == {"failed": 1}
    assert segment.read_bytes() == before
    client.close(0)


def test_hosts_killed_in_between_lose_no_event_that_ingest_had_returned_for(api: ApiDouble, tmp_path: Path) -> None:
    program = f"""
from ml_guard import BackgroundClient
client = BackgroundClient({api.url!r}, spool_dir={str(tmp_path)!r}, interval_s=0.05, batch_rows=50)
while True:
    print(client.ingest(**{ROW!r}), flush=True)
"""
    returned: list[str] = []
    for kill in range(6):
        host = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert host.stdout is not None
        returned += [host.stdout.readline().strip() for _ in range(40 + 170 * kill)]
        host.send_signal(signal.SIGKILL)
        returned += [line.strip() for line in host.stdout if line.endswith("\n")]
        host.wait()
        host.stdout.close()
    with BackgroundClient(api.url, spool_dir=tmp_path):
        wait_for(lambda: not list(tmp_path.glob("*.ndjson")), 60)
    assert len(returned) > 2_000
    assert not set(returned) - set(api.stored)
