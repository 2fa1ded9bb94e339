"""Results of a query as Arrow batches, on both engines.

SQLite's Arrow driver includes its own copy of SQLite. Two copies in one process drop each other's locks on the file
(sqlite.org/howtocorrupt.html, 2.2.1), which can corrupt it: so that driver runs in a separate process.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from weakref import WeakSet

import pyarrow as pa

from guard_store.db.database import Database

_PROGRAM = Path(__file__).with_name("sqlite_arrow.py")
_BUSY_TIMEOUT_MS = 30_000
_STOP_TIMEOUT_S = 10


class ArrowReadError(RuntimeError):
    """The reading process ended; the message has the last lines of its standard error, or its exit code."""


class ArrowReader:
    """Runs queries one after the other; a context manager, for one thread at a time.

    Parameters
    ----------
    database : each query reads what is committed when it starts.
    batch_rows : most rows of a batch on SQLite; on PostgreSQL the driver limits batches by bytes.
    """

    def __init__(self, database: Database, batch_rows: int) -> None:
        self._database = database
        self._batch_rows = batch_rows
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._results: WeakSet[Generator[pa.RecordBatch]] = WeakSet()
        # Held here, so that the garbage collector finds no running process in a cycle with a result that was given up.
        self._running: set[subprocess.Popen[bytes]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return self._database.is_sqlite

    def batches(self, sql: str, batch_rows: int | None = None) -> Iterator[pa.RecordBatch]:
        """Return the result of a query; if it is not read to its end, the next query starts a new process.

        Parameters
        ----------
        sql : the query.
        batch_rows : rows of a batch of this query, if its rows are so wide that they must be fewer.

        Raises
        ------
        ArrowReadError
            If SQLite rejects the query or the reading process has died.
        """
        result = self._read(sql, min(batch_rows or self._batch_rows, self._batch_rows))
        self._results.add(result)
        return result

    def close(self) -> None:
        """End the reading process; results that are not read to their end have no further batches."""
        for result in list(self._results):
            result.close()
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _read(self, sql: str, batch_rows: int) -> Generator[pa.RecordBatch]:
        if not self.is_sqlite:
            with self._database.arrow() as connection, connection.cursor() as cursor:
                cursor.execute(sql)
                yield from cursor.fetch_record_batch()
            return
        process = self._process or self._start()
        self._process = None  # only reused once the whole result has been read
        self._running.add(process)
        try:
            yield from self._run(process, sql, batch_rows)
            self._process = process
        finally:
            if self._process is not process:
                _end(process)
            self._running.discard(process)

    def _start(self) -> "subprocess.Popen[bytes]":
        self._errors = self._errors or tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        arguments = [str(self._database.path), str(_BUSY_TIMEOUT_MS)]
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, str(_PROGRAM), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # pyarrow imports numpy, whose threads would only spin
        )

    def _run(self, process: "subprocess.Popen[bytes]", sql: str, batch_rows: int) -> Iterator[pa.RecordBatch]:
        assert process.stdin is not None  # noqa: S101 - for the type checker
        assert process.stdout is not None  # noqa: S101 - for the type checker
        try:
            process.stdin.write(json.dumps([sql, batch_rows]).encode() + b"\n")
            process.stdin.flush()
            yield from pa.ipc.open_stream(pa.PythonFile(process.stdout, mode="r"))
        except (pa.ArrowException, OSError) as error:
            raise ArrowReadError(f"reading from {self._database.path} failed: {self._exit_message(process)}") from error

    def _exit_message(self, process: "subprocess.Popen[bytes]") -> str:
        assert self._errors is not None  # noqa: S101 - for the type checker
        process.wait(_STOP_TIMEOUT_S)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return "; ".join(lines[-3:]) if lines else f"the reading process ended with code {process.returncode}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate(timeout=_STOP_TIMEOUT_S)
