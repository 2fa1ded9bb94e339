"""The event loop of `ml-guard serve`: uvloop's, which here accepts all connections that wait, not one for each of its turns.

While requests are handled, a turn takes milliseconds, so that the last of many connections made at once would wait for all
others to be served first.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Any, Final

import uvloop

_MOST_AT_ONCE: Final = 64  # connections: then requests get their turn, and other workers their share
_NO_RESOURCES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE_S: Final = 1.0
_log = logging.getLogger(__name__)


class AcceptingLoop(uvloop.Loop):
    """A uvloop whose servers of a listening socket are `Listener`."""

    async def create_server(self, protocol_factory: Any, *args: Any, **options: Any) -> Any:
        """Serve connections; as asyncio's, except that those of a given socket without TLS are accepted together."""
        listening: socket.socket | None = options.get("sock")
        if listening is None or options.get("ssl") is not None:
            return await super().create_server(protocol_factory, *args, **options)
        return Listener(self, listening, protocol_factory, options.get("backlog", 100))


class Listener:
    """Accepts the connections of a socket, and hands each to a protocol of its own.

    Parameters
    ----------
    listening : a bound socket; it stays open when the listener is closed.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listening: socket.socket,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        backlog: int,
    ) -> None:
        self._loop = loop
        self._listening = listening
        self._protocol_factory = protocol_factory
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False
        listening.settimeout(0)
        listening.listen(backlog)
        self._resume()

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The socket, until the listener is closed."""
        return () if self._is_closed else (self._listening,)

    def close(self) -> None:
        """Stop accepting; connections stay open."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.remove_reader(self._listening)

    async def wait_closed(self) -> None:
        """Wait until the connections that were accepted last have their protocols."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _resume(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:  # the client has gone again
                continue
            except OSError as error:
                if error.errno not in _NO_RESOURCES:
                    raise
                _log.warning("no connection can be accepted for a moment: %s", error.strerror)
                self._loop.remove_reader(self._listening)
                self._loop.call_later(_PAUSE_S, self._resume)
                return
            self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol_factory, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
