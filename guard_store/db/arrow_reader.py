"""Results of a query as Arrow batches, on both engines.

SQLite's Arrow driver brings a SQLite of its own. Two of them in one process drop each other's locks on the file
(sqlite.org/howtocorrupt.html, 2.2.1), which can damage it: so that driver lives in a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import pyarrow as pa

from guard_store.db.database import Database

_PROGRAM = Path(__file__).with_name("sqlite_arrow.py")
_BUSY_TIMEOUT_MS = 30_000
_STOP_TIMEOUT_S = 10


class ArrowReadError(RuntimeError):
    """The reading process has ended; the message says what it said."""


class ArrowReader:
    """Reads one query after the other; a context manager, for one thread at a time.

    Parameters
    ----------
    database : read as it is committed when the query starts.
    batch_rows : rows of a batch on SQLite; on PostgreSQL the driver decides, by bytes.
    """

    def __init__(self, database: Database, batch_rows: int) -> None:
        self._database = database
        self._batch_rows = batch_rows
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_sqlite(self) -> bool:
        """Whether SQLite answers."""
        return self._database.is_sqlite

    def batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        """The result of a query; where it is not read to its end, the reader starts anew with the next one.

        Raises
        ------
        ArrowReadError
            If SQLite refuses the query or the reading process has died.
        """
        if not self.is_sqlite:
            with self._database.arrow() as connection, connection.cursor() as cursor:
                cursor.execute(sql)
                yield from cursor.fetch_record_batch()
            return
        process = self._process or self._start()
        self._process = None  # unless all of the answer is read, it is of no use for the next query
        try:
            yield from self._answer(process, sql)
            self._process = process
        finally:
            if self._process is None:
                _end(process)

    def close(self) -> None:
        """End the reading process."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _start(self) -> "subprocess.Popen[bytes]":
        self._errors = self._errors or tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        arguments = [str(self._database.path), str(self._batch_rows), str(_BUSY_TIMEOUT_MS)]
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, str(_PROGRAM), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # numpy comes with pyarrow: its threads spin for nothing
        )

    def _answer(self, process: "subprocess.Popen[bytes]", sql: str) -> Iterator[pa.RecordBatch]:
        assert process.stdin is not None  # noqa: S101 - for the type checker
        assert process.stdout is not None  # noqa: S101 - for the type checker
        try:
            process.stdin.write(json.dumps(sql).encode() + b"\n")
            process.stdin.flush()
            yield from pa.ipc.open_stream(pa.PythonFile(process.stdout, mode="r"))
        except (pa.ArrowException, OSError) as error:
            raise ArrowReadError(f"reading from {self._database.path} failed: {self._last_words(process)}") from error

    def _last_words(self, process: "subprocess.Popen[bytes]") -> str:
        assert self._errors is not None  # noqa: S101 - for the type checker
        process.wait(_STOP_TIMEOUT_S)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return "; ".join(lines[-3:]) if lines else f"the reading process ended with code {process.returncode}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate(timeout=_STOP_TIMEOUT_S)
