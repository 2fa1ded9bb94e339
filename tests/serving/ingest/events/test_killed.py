"""A server killed twenty times in the middle of a load: what was acknowledged is stored, and everything adds up."""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from guard_core.settings import Settings
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.ingest.tables import events, labels
from guard_store.projects.store import ProjectStore
from tests.support.event_requests import MANY, ONE, event
from tests.support.event_rows import read_day_states, read_rejections, stored_ids

KILLS = 20
LABELS = "/api/v1/labels"
SENDERS = 6
BATCH = 40
TIMESTAMPS = ("2013-03-10T04:30:00Z", "2013-03-10T05:30:00Z", "2013-11-03T12:00:00-05:00")
ANSWERS_BEFORE_KILL = 25


@dataclass
class Told:
    """What the senders were told, over all requests that were answered."""

    ids: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    sent_rows: int = 0
    interrupted: int = 0
    answers: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def test_nothing_acknowledged_is_lost_and_nothing_is_counted_twice(database: Database, settings: Settings) -> None:
    ProjectStore(database).create("flights", "Flights", "America/New_York")
    _, key = KeyStore(database).create("sender", "analyst")
    told, told_of_labels, stop = Told(), Told(), threading.Event()
    with _servers(settings) as (address, start), ThreadPoolExecutor(SENDERS + 2) as threads:
        labeller = threads.submit(_send_on, SENDERS, address, key, told_of_labels, stop, labels=True)
        senders = [threads.submit(_send_on, number, address, key, told, stop) for number in range(SENDERS)]
        for kill in range(KILLS):
            pid = start()
            enough = told.answers + ANSWERS_BEFORE_KILL
            _wait_until(lambda wanted=enough: told.answers >= wanted)
            time.sleep(random.Random(kill).random() * 0.02)  # noqa: S311 - not always at the same point
            os.kill(pid, signal.SIGKILL)
        stop.set()
        last = start()
        sent = set().union(*(sender.result(timeout=60) for sender in senders))
        labelled = labeller.result(timeout=60)
        os.kill(last, signal.SIGTERM)

    assert told.interrupted >= KILLS, "the kills hit requests under way"
    assert told.ids == sent, "every event was acknowledged in the end"
    assert stored_ids(database) == sorted(sent)
    outcomes = told.outcomes
    assert told.sent_rows == outcomes["accepted"] + outcomes["duplicate"] + outcomes["rejected"]
    assert min(outcomes["accepted"], outcomes["duplicate"], outcomes["rejected"]) > 0
    # What a killed server stored without saying so was a duplicate when it came again.
    assert outcomes["accepted"] <= len(sent) <= outcomes["accepted"] + outcomes["duplicate"]
    found = read_day_states(database)
    assert {key: one["events"] for key, one in found.items()} == _counted(database)
    assert sum(one["events"] for one in found.values()) == len(sent)
    assert sum(one["duplicates"] for one in found.values()) >= outcomes["duplicate"]
    assert sum(read_rejections(database).values()) >= outcomes["rejected"]
    assert told_of_labels.ids == labelled
    assert _stored_labels(database) == sorted(labelled), "no acknowledged label is lost, none is stored twice"
    counted = told_of_labels.outcomes
    assert told_of_labels.sent_rows == counted["accepted"] + counted["duplicate"] + counted["rejected"]
    assert min(counted["accepted"], counted["duplicate"], counted["rejected"]) > 0


def _send_on(
    number: int, address: tuple[str, int], key: str, told: Told, stop: threading.Event, *, labels: bool = False
) -> set[str]:
    """Send new events, or labels of events that never come, until told to stop, each again until it is acknowledged; returns their ids."""
    sent: set[str] = set()
    connection = http.client.HTTPConnection(*address, timeout=30)
    requests = 0
    while not stop.is_set():
        requests += 1
        ids = [f"{number}-{requests}-{i}" for i in range(BATCH if number % 2 or labels else 1)]
        rows = [_label(event_id) if labels else _event(event_id, place) for place, event_id in enumerate(ids)]
        if len(rows) > 1:
            rows.insert(requests % len(rows), _label("bad", y_true=None) if labels else event(latency_ms=-1))
        sent.update(ids)
        path = LABELS if labels else MANY if len(rows) > 1 else ONE
        body = json.dumps(rows if len(rows) > 1 else rows[0])
        # Some are sent again although they were acknowledged: duplicates for certain, not only where a kill came at its worst.
        wanted = 2 if requests % 5 == 0 else 1
        while wanted:
            try:
                connection.request("POST", path, body, {"X-API-Key": key, "Content-Type": "application/json"})
                response = connection.getresponse()
                answer = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError):
                connection.close()
                with told.lock:
                    told.interrupted += 1
                continue
            assert response.status in {200, 201}, answer
            _remember(told, ids, answer, len(rows))
            wanted -= 1
    connection.close()
    return sent


def _event(event_id: str, place: int) -> dict[str, Any]:
    return event(event_id=event_id, timestamp=TIMESTAMPS[place % 3])


def _label(event_id: str, **changed: Any) -> dict[str, Any]:
    return {"project_id": "flights", "event_id": event_id, "y_true": 1, "observed_at": TIMESTAMPS[0], **changed}


def _stored_labels(database: Database) -> list[str]:
    with database.read() as connection:
        return sorted(connection.execute(select(labels.c.event_id)).scalars())


def _remember(told: Told, ids: list[str], answer: dict[str, Any], rows: int) -> None:
    with told.lock:
        told.ids.update(ids)
        told.answers += 1
        told.sent_rows += rows
        if "status" in answer:
            told.outcomes[answer["status"]] += 1
        else:
            told.outcomes["accepted"] += answer["accepted"]
            told.outcomes["duplicate"] += answer["duplicates"]
            told.outcomes["rejected"] += answer["rejected"]


def _counted(database: Database) -> dict[tuple[str, str, str], int]:
    """Events by key, counted from the rows themselves."""
    days = {"2013-03-09": 1362889800, "2013-03-10": 1362893400, "2013-11-03": 1383498000}
    with database.read() as connection:
        found = connection.execute(select(events.c.ts_us, func.count()).group_by(events.c.ts_us))
        counts = {row[0]: row[1] for row in found}
    return {("flights", "delay_v1", day): counts[seconds * 1_000_000] for day, seconds in days.items()}


@contextmanager
def _servers(settings: Settings) -> Iterator[tuple[tuple[str, int], Any]]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ML_GUARD_")},
        "ML_GUARD_HOME": str(settings.storage.home),
        "ML_GUARD_DATABASE_URL": settings.storage.database,
        "ML_GUARD_LOG_LEVEL": "ERROR",
    }
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        listener.set_inheritable(True)
        command = [sys.executable, "-m", "tests.serving.ingest.events.forking_server", str(listener.fileno())]
        with subprocess.Popen(
            command,
            env=environment,
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as parent:
            assert parent.stdin is not None
            assert parent.stdout is not None
            stdin, stdout = parent.stdin, parent.stdout

            def start() -> int:
                stdin.write("\n")
                stdin.flush()
                return int(stdout.readline())

            try:
                yield listener.getsockname(), start
            finally:
                os.killpg(parent.pid, signal.SIGKILL)


def _wait_until(holds: Any) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "no answers"
        time.sleep(0.001)
