"""The background client: events and labels are queued on the caller's thread and sent by another.

Where rows wait belongs in `buffers` and `spool`; requests and their retries belong in `operations` and `exchange`.
"""

import atexit
import itertools
import json
import logging
import math
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ml_guard.buffers import Batch, Buffer, MemoryBuffer, Shape, WaitingRow
from ml_guard.client import MLGuardClient
from ml_guard.errors import ApiError, ConnectionFailedError, QueueFullError
from ml_guard.recording import FeaturesOf, MonitoredModel, PredictionOf, monitored
from ml_guard.results import BatchResult, DeliveryStats
from ml_guard.shapes import Event, Label, encode, encode_fields, new_id, shaped

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

_logger = logging.getLogger("ml_guard")
_WARNING_PAUSE_S = 60.0
_RETRY_PAUSE_S = 30.0
_URGENT_PAUSE_S = 1.0
_SCAN_PAUSE_S = 30.0
_ENDLESS = 1_000  # retries: hours; the next exchange goes on
_REFUSED_FOR_GOOD = frozenset({400, 403, 409, 413, 415, 422})  # others, such as 401, pass once the operator acts
_clients: "weakref.WeakSet[BackgroundClient]" = weakref.WeakSet()


class BackgroundClient:
    """Client that never keeps its host waiting: `ingest` and `label` queue a row and return, a thread sends batches.

    Threads can share it, and so can forked processes: a child begins with an empty queue and a thread of its own.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        batch_rows: int = 1_000,
        interval_s: float = 1.0,
        max_rows: int = 100_000,
        spool_dir: str | os.PathLike[str] | None = None,
        spool_max_bytes: int = 256 * 2**20,
        spool_fsync: bool = False,
        raise_errors: bool = False,
        timeout_s: float = 30.0,
    ) -> None:
        """Send to the server at `base_url` in batches of `batch_rows`, or what there is every `interval_s` seconds.

        At most `max_rows` rows wait in memory; with `spool_dir`, rows wait in files of `spool_max_bytes` in total and survive
        the process. With `raise_errors`, `ingest` and `label` raise what is otherwise counted in `stats`.
        """
        if not 1 <= batch_rows <= 10_000:
            raise ValueError("batch_rows: must be from 1 to 10,000")
        self._batch_rows, self._interval_s, self._raise_errors = batch_rows, interval_s, raise_errors
        self._make_sender: Callable[[], _Sender] = lambda: _Sender(
            base_url, api_key, timeout_s=timeout_s, retries=_ENDLESS, pause=self._pause
        )
        self._make_buffer: Callable[[], Buffer] = lambda: MemoryBuffer(max_rows, batch_rows)
        if spool_dir is not None:
            from ml_guard.spool import Spool

            folder = Path(spool_dir).absolute()
            self._make_buffer = lambda: Spool(
                folder, max_bytes=spool_max_bytes, batch_rows=batch_rows, fsync=spool_fsync
            )
        self._encodes = spool_dir is not None
        self._reset()
        _clients.add(self)
        if spool_dir is not None:
            self._start()  # to send what ended processes have left, even if this one has no rows

    def _reset(self) -> None:
        """Begin without rows, counts, thread and connections: at first, and in a forked child."""
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._left = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        self._sender, self._buffer = self._make_sender(), self._make_buffer()
        self._entered = self._removed = self._flush_target = self._flushes = 0
        self._deadline = math.inf  # of a client being closed
        self._is_closed = self._awaits_batch = False
        self._sent = self._rejected = 0
        self._dropped: Counter[str] = Counter()
        self._last_error: str | None = None
        self._warned_at: dict[str, float] = {}

    @property
    def stats(self) -> DeliveryStats:
        """What has become of the rows so far."""
        with self._lock:
            return DeliveryStats(self._buffer.rows, self._sent, self._rejected, dict(self._dropped), self._last_error)

    def ingest(self, event: Event | Mapping[str, Any] | None = None, /, **fields: Any) -> str | None:
        """Queue an event, given as `Event`, mapping or fields; return its id, or None if it is dropped.

        `event_id` and `timestamp` are set here, where they are left out.
        """
        try:
            if isinstance(event, Event):
                event_id = event.event_id
                row: Event | dict[str, Any] = event
            else:
                row = {**event, **fields} if event is not None else fields
                event_id = row.get("event_id") or new_id()
                if isinstance(event_id, UUID):
                    event_id = str(event_id)
                row["event_id"] = event_id
                if row.get("timestamp") is None:
                    row["timestamp"] = datetime.now(timezone.utc)
                row["features"] = _copy(row.get("features"))  # the caller may change its own
        except Exception as error:  # noqa: BLE001 - whatever the host gives, it goes on
            self._refuse(error)
            return None
        return event_id if self._append(Event, row) else None

    def label(
        self, project_id: str, event_id: str | UUID | None, y_true: Any, *, observed_at: datetime | str | None = None
    ) -> bool:
        """Queue the true outcome of an event, by default observed now; False if it is dropped."""
        observed_at = observed_at or datetime.now(timezone.utc)
        row = {"project_id": project_id, "event_id": event_id, "y_true": y_true, "observed_at": observed_at}
        return self._append(Label, row)

    def monitor(
        self,
        project_id: str,
        model_id: str,
        *,
        features: FeaturesOf | None = None,
        prediction: PredictionOf | None = None,
        **fields: Any,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorate a function, coroutine functions included: each call is an event with its arguments, result and latency.

        `features` maps the call's arguments to features (default: the arguments by name, where one is a mapping, its items);
        `prediction` maps the result to `y_pred`, or a pair of `y_pred` and `y_proba`.
        """
        return monitored(self, {"project_id": project_id, "model_id": model_id, **fields}, features, prediction)

    def wrap(self, model: Any, project_id: str, model_id: str, **fields: Any) -> MonitoredModel:
        """Return a scikit-learn-like model whose `predict` and `predict_proba` queue one event a row.

        What is no table, list or array of rows with one prediction each, such as a generator, is returned untouched and counted.
        """
        return MonitoredModel(self, model, {"project_id": project_id, "model_id": model_id, **fields})

    def flush(self, timeout: float | None = None) -> bool:
        """Send what is queued now, without waiting for more; False if not all of it left within `timeout` seconds."""
        with self._lock:
            target = self._flush_target = self._entered
            self._flushes += 1
            self._changed.notify_all()
            return self._left.wait_for(lambda: self._removed >= target, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Send what is queued within `timeout` seconds, then end. What is left is dropped, or stays in the spool."""
        with self._lock:
            if self._deadline < math.inf:
                return
            self._deadline = time.monotonic() + timeout
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        with self._lock:
            self._is_closed = True
            lost = self._buffer.close()
            if lost:
                self._drop(
                    "closed", lost, f"the client was closed before they were sent; last error: {self._last_error}"
                )
        if self._thread is None:
            self._sender.close()

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, shape: Any, row: Event | dict[str, Any]) -> bool:
        try:
            if self._raise_errors:
                row = shaped(row, shape)
            waiting: WaitingRow = (shape, _line(shape, row) if self._encodes else row)
        except Exception as error:  # noqa: BLE001 - whatever the host gives, it goes on
            self._refuse(error)
            return False
        try:
            with self._lock:
                if self._deadline < math.inf:
                    self._drop("closed", 1, "the client is closed")
                    return False
                if not self._buffer.append(waiting):
                    self._drop("queue_full", 1, f"the queue is full; last error: {self._last_error}")
                    if self._raise_errors:
                        raise QueueFullError("the queue is full, the row was dropped")
                    return False
                self._entered += 1
                if self._thread is None:
                    self._start()
                if self._awaits_batch and (self._buffer.rows == 1 or self._buffer.has_whole_batch):
                    self._changed.notify()  # not while the thread sends or pauses: each notification would wake it
        except (OSError, RuntimeError) as error:  # of the disk; no thread starts while the interpreter ends
            self.count_failure(error)
            return False
        return True

    def _refuse(self, error: Exception) -> None:
        with self._lock:
            self._drop("invalid", 1, str(error))
        if self._raise_errors:
            raise error

    def count_failure(self, error: Exception) -> None:
        """Count an event that could not be made or written; raise the error if errors are to be raised."""
        with self._lock:
            self._drop("failed", 1, f"{type(error).__name__}: {error}")
        if self._raise_errors:
            raise error

    def _drop(self, reason: str, rows: int, message: str) -> None:
        self._dropped[reason] += rows
        if reason in ("invalid", "refused", "failed"):
            self._last_error = message
        self._warn(reason, f"rows dropped ({reason}, {self._dropped[reason]} so far): {message}")

    def _warn(self, reason: str, message: str) -> None:
        """Log a warning, at most one a minute for a reason."""
        now = time.monotonic()
        if now - self._warned_at.get(reason, -math.inf) >= _WARNING_PAUSE_S:
            self._warned_at[reason] = now
            _logger.warning("%s", message)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._send_all, name="ml-guard-sender", daemon=True)
        self._thread.start()

    def _send_all(self) -> None:
        with suppress(_Closed), closing(self._sender):
            self._adopt()
            while self._wait_for_batch():
                with self._lock:
                    batch = self._buffer.first_batch()
                if batch is None:
                    self._adopt()
                else:
                    self._deliver(batch)

    def _adopt(self) -> None:
        try:
            left = self._buffer.scan()
        except OSError as error:
            self._warn("failed", f"the spool cannot be read: {error}")
            return
        with self._lock:
            self._entered += self._buffer.adopt(left)

    def _wait_for_batch(self) -> bool:
        """Wait for a whole batch, for the interval since the first row, or for a flush; False if the client is closed."""
        with self._lock:
            self._awaits_batch = True
            self._changed.wait_for(lambda: self._buffer.rows or self._is_closing(), _SCAN_PAUSE_S)
            self._changed.wait_for(
                lambda: self._buffer.rows == 0 or self._buffer.has_whole_batch or self._is_urgent(),
                self._interval_s,
            )
            self._awaits_batch = False
            return self._buffer.rows > 0 or not self._is_closing()

    def _deliver(self, batch: Batch) -> None:
        """Send a batch until the server has taken or refused it."""
        left = batch.count
        try:
            rows = self._buffer.read(batch)
            for shape in (Event, Label):
                shape_rows = [row for row_shape, row in rows if row_shape is shape]
                if lines := self._lines(shape, shape_rows):
                    self._send(lines, shape)
                left -= len(shape_rows)
            reason = "their segment of the spool is gone"
        except Exception as error:  # noqa: BLE001 - the thread must go on with the next batch
            reason = f"{type(error).__name__}: {error}"
        with self._lock:
            if left > 0:
                self._drop("failed", left, reason)
            if self._is_closed:
                raise _Closed
            self._buffer.remove(batch)
            self._removed += batch.count
            self._left.notify_all()

    def _lines(self, shape: Shape, rows: Iterable[Any]) -> list[bytes]:
        lines = []
        for row in rows:
            try:
                lines.append(row if isinstance(row, bytes) else _line(shape, row))
            except Exception as error:  # noqa: BLE001, PERF203 - one row must not cost the others
                with self._lock:
                    self._drop("invalid", 1, str(error))
        return lines

    def _send(self, lines: list[bytes], shape: Shape) -> None:
        while True:
            try:
                result = self._sender.send(lines, shape)
            except ApiError as error:
                if error.status in _REFUSED_FOR_GOOD:
                    self._handle_refusal(lines, shape, error)
                    return
                self._report_outage(error)
            except ConnectionFailedError as error:
                self._report_outage(error)
            else:
                self._count(result)
                return
            self._pause(_RETRY_PAUSE_S)

    def _handle_refusal(self, lines: list[bytes], shape: Shape, error: ApiError) -> None:
        """Drop rows that a request cannot have; rows of several projects are first tried apart, as the key may fit some."""
        projects = [json.loads(line)["project_id"] for line in lines]
        if len(set(projects)) == 1:
            with self._lock:
                self._drop("refused", len(lines), str(error))
            return
        for project in dict.fromkeys(projects):
            self._send(list(itertools.compress(lines, (other == project for other in projects))), shape)

    def _count(self, result: BatchResult) -> None:
        with self._lock:
            self._sent += result.accepted + result.duplicates
            self._rejected += result.rejected
            if result.errors:
                self._last_error = f"{result.errors[0].field}: {result.errors[0].reason}"
                self._warn("rejected", f"rows rejected by the server ({self._rejected} so far): {self._last_error}")

    def _report_outage(self, error: Exception) -> None:
        with self._lock:
            self._last_error = str(error)
            self._warn("outage", f"the server takes no rows, {self._buffer.rows} are queued: {error}")

    def _pause(self, seconds: float) -> None:
        """Wait before a retry: shortly while the host flushes or closes, whose beginning also ends the pause."""
        with self._lock:
            if self._is_urgent():
                seconds = min(seconds, _URGENT_PAUSE_S, max(self._deadline - time.monotonic(), 0.0))
            flushes, is_closing = self._flushes, self._is_closing()
            self._changed.wait_for(lambda: (self._flushes, self._is_closing()) != (flushes, is_closing), seconds)
            if time.monotonic() >= self._deadline:
                raise _Closed

    def _is_closing(self) -> bool:
        return self._deadline < math.inf

    def _is_urgent(self) -> bool:
        return self._is_closing() or self._removed < self._flush_target

    def _reset_child(self) -> None:
        """Leave rows, connections and locks to the parent process."""
        self._buffer.release()
        try:
            self._reset()
        except OSError as error:
            self._make_buffer, self._encodes = (lambda: MemoryBuffer(100_000, self._batch_rows)), False
            self._reset()
            self._warn("failed", f"the spool cannot be used, rows wait in memory: {error}")


def _copy(features: object) -> dict[Any, Any]:
    if type(features) is dict:  # at once, as most are: the other check takes longer
        return features.copy()
    if not isinstance(features, Mapping):
        raise TypeError(f"features: a mapping of names to values is needed, not {type(features).__name__}")
    return dict(features)


def _line(shape: Any, row: Any) -> bytes:
    return (encode_fields(row, shape) if isinstance(row, dict) else encode(shaped(row, shape))) + b"\n"


class _Closed(BaseException):  # no error: the thread ends
    """The client was closed, and the time for what is queued is over."""


class _Sender(MLGuardClient):
    """A client whose pauses between retries can be ended."""

    def __init__(self, *args: Any, pause: Callable[[float], None], **options: Any) -> None:
        super().__init__(*args, **options)
        self._pause_between = pause

    def send(self, lines: list[bytes], shape: Shape) -> BatchResult:
        """Send lines of JSON."""
        return self._run(self._operations.send_encoded(lines, shape))

    def _pause(self, seconds: float) -> None:
        self._pause_between(seconds)


@atexit.register
def _close_all() -> None:
    for client in list(_clients):
        client.close()


def _reset_all() -> None:
    for client in list(_clients):
        client._reset_child()  # noqa: SLF001


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_reset_all)
