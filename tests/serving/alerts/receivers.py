"""Real receivers that misbehave on command: an HTTP server and an SMTP server, each in a thread of its own."""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

HANG_S = 1.5


@dataclass
class Hooks:
    """What an HTTP receiver has got; `moods` says how it answers one request after the other, then well.

    Moods: ok, refuse (500), hang (answers too late), close (takes the request and closes), lie (takes it to heart, then breaks
    the connection without an answer), redirect.
    """

    url: str = ""
    moods: list[str] = field(default_factory=list)
    always: str = "ok"
    requests: list[dict[str, Any]] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def mood(self) -> str:
        """How to answer now."""
        with self._lock:
            return self.moods.pop(0) if self.moods else self.always

    def note(self, request: dict[str, Any], *, taken: bool) -> None:
        """Keep a request; what is taken counts as received."""
        with self._lock:
            self.requests.append(request)
            if taken:
                self.taken.append(request["headers"].get("X-ML-Guard-Delivery", ""))


def _handler(hooks: Hooks) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            mood = hooks.mood()
            if mood == "hang":
                time.sleep(HANG_S)
            request = {"headers": dict(self.headers), "raw": body, "body": json.loads(body), "mood": mood}
            hooks.note(request, taken=mood in ("ok", "lie"))
            if mood in ("close", "lie"):
                self._reset()
                return
            self.send_response({"ok": 204, "hang": 204, "refuse": 500, "redirect": 302}[mood])
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def _reset(self) -> None:
            # No linger: the peer sees a reset, not an end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            self.wfile = _Nowhere()  # type: ignore[assignment]

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class _Nowhere:
    closed = True

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def write(self, _: bytes) -> None:
        pass


@contextmanager
def http_receiver(path: str = "/hook") -> Iterator[Hooks]:
    """A real HTTP server."""
    hooks = Hooks()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hooks))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    hooks.url = f"http://127.0.0.1:{server.server_port}{path}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield hooks
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Mailbox:
    """What an SMTP server has got; `moods`: ok, refuse (451), hang, lie (takes it, then closes without an answer)."""

    port: int = 0
    moods: list[str] = field(default_factory=list)
    mails: list[Message] = field(default_factory=list)
    attempts: int = 0

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail, or not."""
        import asyncio

        self.attempts += 1
        mood = self.moods.pop(0) if self.moods else "ok"
        if mood == "hang":
            await asyncio.sleep(HANG_S)
            return "451 too late"
        if mood == "refuse":
            return "451 not now"
        content = envelope.original_content or b""
        self.mails.append(message_from_bytes(content, policy=default))
        if mood == "lie":
            assert server.transport is not None
            server.transport.close()
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A real SMTP server."""
    mailbox = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        mailbox.port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port)
    controller.start()
    yield mailbox
    controller.stop()


SECRET = "a secret of the receiver"


def route_to_hooks(hooks: Hooks) -> str:
    """Return the URL of a route to an HTTP receiver, with `SECRET` to sign by."""
    return hooks.url.replace("http://", f"webhook+http://:{SECRET.replace(' ', '%20')}@")


def route_to_mailbox(mailbox: Mailbox) -> str:
    """Return the URL of a route to two addresses on an SMTP server."""
    return f"mailto://127.0.0.1:{mailbox.port}?to=oncall@example.com,second@example.com&from=guard@example.com"
