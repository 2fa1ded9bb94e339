"""The real app in the real server with another writer: the variants that the ingestion benchmark compares.

Only the benchmark can switch: the product has no setting to store nothing, or to commit each request separately.
"""

import asyncio
import os
import sys
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from guard_store.ingest.rows import RowsOutcome, StoreEvents
from guard_store.writer.work import Work
from guard_store.writer.writer import GroupWriter
from serving.runtime.http_protocol import GuardedProtocol

_VARIANT = "BENCH_INGESTION_VARIANT"


class _NoStorage(GroupWriter):
    def submit(self, *works: Work) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for work in works:
            if isinstance(work, StoreEvents):
                work.outcome = RowsOutcome(len(work.rows), frozenset())
        future.set_result(None)
        return future


def app() -> FastAPI:
    """Build the app with the writer of the variant that the environment names."""
    from guard_cli.serve import app_of_process
    from serving.ingest.events import service

    writers: dict[str, Any] = {
        "group commit": GroupWriter,
        "commit per request": partial(GroupWriter, group_rows=1),
        "without storage": _NoStorage,
    }
    service.GroupWriter = writers[os.environ[_VARIANT]]  # type: ignore[attr-defined]
    return app_of_process()


def main() -> None:
    """Serve on a port of 127.0.0.1 with the given number of workers, like `ml-guard serve`."""
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
