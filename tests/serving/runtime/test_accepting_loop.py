"""The loop of the server accepts connections that wait together, and stops when it is asked to."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import cast

import pytest

from serving.runtime.accepting_loop import AcceptingLoop
from tests.support.clients import wait_for

CLIENTS = 40
TURNS = 5


class Counted(asyncio.Protocol):
    """Counts its connections, and answers what it receives."""

    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Counted.made += 1
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    Counted.made = 0
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(CLIENTS)
        yield listening


def run(main: "asyncio.Future[None] | object") -> None:
    with asyncio.Runner(loop_factory=AcceptingLoop) as runner:
        runner.run(main)  # type: ignore[arg-type]


def connect(stack: ExitStack, listening: socket.socket) -> list[socket.socket]:
    return [stack.enter_context(socket.create_connection(listening.getsockname())) for _ in range(CLIENTS)]


def test_connections_that_wait_are_accepted_in_a_few_turns(listening: socket.socket) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Counted, sock=listening, backlog=CLIENTS)
        with ExitStack() as stack:
            clients = connect(stack, listening)
            for _ in range(TURNS):
                await asyncio.sleep(0)
            assert Counted.made == CLIENTS
            clients[-1].sendall(b"hello")
            assert await asyncio.to_thread(clients[-1].recv, 5) == b"hello"
        server.close()
        await server.wait_closed()

    run(main())


def test_a_closed_listener_accepts_nothing_and_keeps_its_connections(listening: socket.socket) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Counted, sock=listening, backlog=CLIENTS)
        with ExitStack() as stack:
            client = stack.enter_context(socket.create_connection(listening.getsockname()))
            await wait_for(lambda: Counted.made == 1)
            server.close()
            await server.wait_closed()
            connect(stack, listening)
            await asyncio.sleep(0.05)
            assert Counted.made == 1
            client.sendall(b"still")
            assert await asyncio.to_thread(client.recv, 5) == b"still"

    run(main())


def test_without_file_descriptors_it_waits_for_some(listening: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    class Exhausted:
        """The listening socket of a process that has no file descriptor left."""

        def __init__(self) -> None:
            self.refusals = 1

        def __getattr__(self, name: str) -> object:
            return getattr(listening, name)

        def accept(self) -> object:
            if self.refusals:
                self.refusals -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return listening.accept()

    monkeypatch.setattr("serving.runtime.accepting_loop._PAUSE_S", 0.05)

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Counted, sock=Exhausted(), backlog=CLIENTS)  # type: ignore[call-overload]
        with ExitStack() as stack:
            connect(stack, listening)
            await wait_for(lambda: Counted.made == CLIENTS)
        server.close()

    run(main())
