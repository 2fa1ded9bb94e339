"""An app on a real port, in the process and the event loop of its test."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI


class _Server(uvicorn.Server):
    """uvicorn that ends at once: its own looks only ten times a second whether it should, and waits again while it does."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ended = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.001)


@asynccontextmanager
async def listening(app: FastAPI, **options: Any) -> AsyncIterator[int]:
    """Serve an app whose lifespan has begun, with options of uvicorn; yield its port on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        server = _Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, **options))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield port
        finally:
            server.ended.set()
            await task
