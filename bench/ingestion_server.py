"""The real app under the real server, with the storing exchanged: what the benchmark compares it with.

A switch of the benchmark only: the product has no way to store nothing, or to commit each request by itself.
"""

import asyncio
import os
import sys
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from guard_store.writer.rows import Outcome, Submission
from guard_store.writer.writer import EventWriter
from serving.runtime.http_protocol import GuardedProtocol

_VARIANT = "BENCH_INGESTION_VARIANT"


class _NoStorage(EventWriter):
    def submit(self, submission: Submission) -> "asyncio.Future[Outcome]":
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        future.set_result(Outcome(len(submission.rows), frozenset()))
        return future


def app() -> FastAPI:
    """The app of this process's variant."""
    from guard_cli.serve import app_of_process
    from serving.ingest.events import service

    writers: dict[str, Any] = {
        "group commit": EventWriter,
        "commit per request": partial(EventWriter, group_rows=1),
        "without storage": _NoStorage,
    }
    service.EventWriter = writers[os.environ[_VARIANT]]  # type: ignore[attr-defined]
    return app_of_process()


def main() -> None:
    """Serve on a port of 127.0.0.1 with some workers, as `ml-guard serve` does."""
    port, workers = int(sys.argv[1]), int(sys.argv[2])
    config = uvicorn.Config(
        "bench.ingestion_server:app",
        factory=True,
        port=port,
        workers=workers,
        loop="uvloop",
        http=GuardedProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=1024,
    )
    if workers == 1:
        uvicorn.Server(config).run()
    else:
        Multiprocess(config, sockets=[config.bind_socket()]).run()


if __name__ == "__main__":
    main()
